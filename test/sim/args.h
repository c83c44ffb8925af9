/* SPDX-License-Identifier: MIT */
/* args.h: one line of a script: words, then KEY=VALUE settings */
#ifndef SIM_ARGS_H
#define SIM_ARGS_H

#include <stdbool.h>

enum {
	ARGS_MAX = 24,
};

/* Strings point into the line, which is cut up. */
struct args {
	const char *file;
	unsigned int line, nr_words, nr_settings;
	const char *word[ARGS_MAX];
	const char *key[ARGS_MAX], *value[ARGS_MAX];
	bool used[ARGS_MAX];
};

void args_parse(struct args *args, char *line);

/* die()s if there is no such word. */
const char *args_word(const struct args *args, unsigned int i);

/* The setting's value, the last one's, or what it has been; die()s if it is no number, or negative. */
double args_number(struct args *args, const char *key, double before);
const char *args_string(struct args *args, const char *key, const char *before);

/* die()s if there is a setting that nobody asked for. */
void args_end(const struct args *args);

/* die()s with the file and the line. */
_Noreturn void args_fail(const struct args *args, const char *what, const char *word);

#endif
