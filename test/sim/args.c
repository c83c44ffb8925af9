/* SPDX-License-Identifier: MIT */
/* args.c: words and settings of a line */
#include "test/sim/args.h"

#include <stdlib.h>
#include <string.h>

#include "netback/common/log.h"

void args_fail(const struct args *args, const char *what, const char *word)
{
	die("%s:%u: %s: %s", args->file, args->line, what, word);
}

void args_parse(struct args *args, char *line)
{
	char *word, *rest = line, *equals;

	line[strcspn(line, "#\n")] = '\0';
	args->nr_words = args->nr_settings = 0;
	while ((word = strsep(&rest, " \t"))) {
		if (!*word)
			continue;
		if (args->nr_words == ARGS_MAX || args->nr_settings == ARGS_MAX)
			args_fail(args, "too long", word);
		equals = strchr(word, '=');
		if (!equals) {
			args->word[args->nr_words++] = word;
			continue;
		}
		*equals = '\0';
		args->key[args->nr_settings] = word;
		args->used[args->nr_settings] = false;
		args->value[args->nr_settings++] = equals + 1;
	}
}

const char *args_word(const struct args *args, unsigned int i)
{
	if (i >= args->nr_words)
		args_fail(args, "a word is missing after", args->word[args->nr_words - 1]);
	return args->word[i];
}

const char *args_string(struct args *args, const char *key, const char *before)
{
	unsigned int i;

	for (i = 0; i < args->nr_settings; i++) {
		if (strcmp(args->key[i], key))
			continue;
		args->used[i] = true;
		before = args->value[i];
	}
	return before;
}

double args_number(struct args *args, const char *key, double before)
{
	const char *text = args_string(args, key, NULL);
	char *end;
	double number;

	if (!text)
		return before;
	number = strtod(text, &end);
	if (end == text || *end || !(number >= 0))
		args_fail(args, "not a number", text);
	return number;
}

void args_end(const struct args *args)
{
	unsigned int i;

	for (i = 0; i < args->nr_settings; i++) {
		if (!args->used[i])
			args_fail(args, "no such setting", args->key[i]);
	}
}
