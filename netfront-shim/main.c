/* SPDX-License-Identifier: MIT -- netfront-shim: options and the table of subcommands */
#include "shim.h"

#include <getopt.h>
#include <netinet/ether.h>
#include <stdlib.h>

static const struct command commands[] = {
	{"tap", cmd_tap, "give a network namespace an interface whose other side is the vif"},
	{"generate", cmd_generate, "send packets of any size, slot shape and rate"},
	{"sink", cmd_sink, "receive, verify and count"},
	{"echo", cmd_echo, "send back what is received, with the addresses exchanged"},
	{"connect", cmd_connect, "connect and obey commands from standard input"},
	{"hostile", cmd_hostile, "misbehave in a named way and say what the backend answered"},
};

enum option_id {
	OPT_HELP = 'h',
	OPT_VERBOSE = 'v',
	OPT_DOMID = 256,
	OPT_VIF,
	OPT_BACKEND_DOMID,
	OPT_QUEUES,
	OPT_NO_SG,
	OPT_NO_GSO4,
	OPT_NO_GSO6,
	OPT_NO_CSUM4,
	OPT_NO_CSUM6,
	OPT_CSUM6,
	OPT_NO_RX_NOTIFY,
	OPT_NO_SPLIT,
	OPT_RX_BUFFERS,
	OPT_TX_BUFFERS,
	OPT_FRESH_GRANTS,
	OPT_GUARD,
	OPT_PROFILE,
	OPT_TIMEOUT,
	OPT_HASH,
	OPT_STAGING,
	OPT_MCAST,
	OPT_XDP_HEADROOM,
};

static const struct option options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"verbose", no_argument, NULL, OPT_VERBOSE},
	{"domid", required_argument, NULL, OPT_DOMID},
	{"vif", required_argument, NULL, OPT_VIF},
	{"backend-domid", required_argument, NULL, OPT_BACKEND_DOMID},
	{"queues", required_argument, NULL, OPT_QUEUES},
	{"no-sg", no_argument, NULL, OPT_NO_SG},
	{"no-gso4", no_argument, NULL, OPT_NO_GSO4},
	{"no-gso6", no_argument, NULL, OPT_NO_GSO6},
	{"no-csum4", no_argument, NULL, OPT_NO_CSUM4},
	{"no-csum6", no_argument, NULL, OPT_NO_CSUM6},
	{"csum6", no_argument, NULL, OPT_CSUM6},
	{"no-rx-notify", no_argument, NULL, OPT_NO_RX_NOTIFY},
	{"no-split", no_argument, NULL, OPT_NO_SPLIT},
	{"rx-buffers", required_argument, NULL, OPT_RX_BUFFERS},
	{"tx-buffers", required_argument, NULL, OPT_TX_BUFFERS},
	{"fresh-grants", no_argument, NULL, OPT_FRESH_GRANTS},
	{"guard", no_argument, NULL, OPT_GUARD},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"hash", required_argument, NULL, OPT_HASH},
	{"staging", required_argument, NULL, OPT_STAGING},
	{"mcast", required_argument, NULL, OPT_MCAST},
	{"headroom", required_argument, NULL, OPT_XDP_HEADROOM},
	{NULL, 0, NULL, 0},
};

static const char help_text[] =
	"usage: netfront-shim [options] COMMAND [command's options]\n"
	"\n"
	"  --domid N          the guest we are (default: as xenstore tells)\n"
	"  --vif N            device number (0)\n"
	"  --backend-domid N  the backend's domain (default: as xenstore tells)\n"
	"  --queues N         most queues to ask for (1)\n"
	"  --profile NAME     which frontend to be (linux)\n"
	"  --no-sg --no-gso4 --no-gso6 --no-csum4 --no-csum6 --csum6\n"
	"  --no-rx-notify --no-split\n"
	"                     change the profile's features\n"
	"  --rx-buffers N     receive buffers per queue, 1 to 256 (256)\n"
	"  --tx-buffers N     transmit buffers per queue, 18 to 256 (256)\n"
	"  --fresh-grants     grant every buffer anew after each response\n"
	"  --guard            pattern receive buffers; what is not data must stay\n"
	"  --hash toeplitz[:types=N][:key=HEX][:mapping=A,B,...]\n"
	"                     ask for hashes, and check them and the queues\n"
	"  --staging N|all    buffers of each queue and direction to have mapped for good\n"
	"  --mcast static|dynamic[=MAC,...]\n"
	"                     ask for these multicast addresses only\n"
	"  --headroom N[:late]\n"
	"                     bytes before received data; late: when connected\n"
	"  --timeout MS       to wait for each state of the backend (10000)\n"
	"  -v, --verbose      human lines on standard error\n"
	"  -h, --help\n"
	"\n"
	"Commands; each has a --help of its own:\n";

static void print_profiles(void)
{
	puts("\nProfiles, for --profile, which comes before the options that change it:");
	for (unsigned int i = 0; i < netfront_nr_profiles; i++)
		printf("  %-10s %s\n", netfront_profiles[i].name, netfront_profiles[i].help);
}

static void print_help(void)
{
	fputs(help_text, stdout);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].help);
	print_profiles();
	exit(SHIM_OK);
}

static void set_profile(struct netfront_config *config, const char *name)
{
	const struct netfront_profile *profile = netfront_profile(name);

	if (!profile)
		shim_usage("--profile: no profile %s", name);
	config->profile = *profile;
	config->setup.ctrl = profile->ctrl;
}

static bool take_flag(struct netfront_config *config, int id)
{
	struct netfront_profile *profile = &config->profile;
	struct {
		enum option_id id;
		bool *flag;
		bool value;
	} flags[] = {
		{OPT_NO_SG, &profile->caps.sg, false},
		{OPT_NO_GSO4, &profile->caps.gso4, false},
		{OPT_NO_GSO6, &profile->caps.gso6, false},
		{OPT_NO_CSUM4, &profile->caps.csum4, false},
		{OPT_NO_CSUM6, &profile->caps.csum6, false},
		{OPT_CSUM6, &profile->caps.csum6, true},
		{OPT_NO_RX_NOTIFY, &profile->rx_notify, false},
		{OPT_NO_SPLIT, &profile->split, false},
		{OPT_FRESH_GRANTS, &profile->fresh_grants, true},
		{OPT_GUARD, &config->guard, true},
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if ((int)flags[i].id != id)
			continue;
		*flags[i].flag = flags[i].value;
		return true;
	}
	return false;
}

static void take_mcast(struct nfsetup_config *setup, const char *text)
{
	size_t len = strcspn(text, "=");
	struct ether_addr addr;

	if (len == 6 && !strncmp(text, "static", len))
		setup->mcast = NFSETUP_MCAST_STATIC;
	else if (len == 7 && !strncmp(text, "dynamic", len))
		setup->mcast = NFSETUP_MCAST_DYNAMIC;
	else
		shim_usage("--mcast: static or dynamic, not %s", text);
	for (text += len; *text; text += len) {
		len = strcspn(++text, ",");
		if (setup->nr_mcast == NFSETUP_MCAST_ADDRESSES || !ether_aton_r(text, &addr))
			shim_usage("--mcast: %s is no address, or one too many", text);
		memcpy(setup->mcast_addr[setup->nr_mcast++], &addr, 6);
	}
}

static void take_headroom(struct nfsetup_config *setup, const char *text)
{
	size_t len = strcspn(text, ":");
	char number[8] = "";

	if (len < sizeof(number))
		memcpy(number, text, len);
	setup->headroom = shim_number("headroom", number, 1, 0x7fff);
	setup->headroom_late = !strcmp(text + len, ":late");
	if (text[len] && !setup->headroom_late)
		shim_usage("--headroom: what is %s?", text + len);
}

static void take_setup(struct nfsetup_config *setup, int id, const char *text)
{
	switch (id) {
	case OPT_HASH:
		if (!nfhash_parse(&setup->hash, text))
			shim_usage("--hash: what is %s?", text);
		break;
	case OPT_STAGING:
		setup->staging = !strcmp(text, "all") ? NFSETUP_STAGE_ALL
						      : shim_number("staging", text, 1, NETIF_RING);
		break;
	case OPT_MCAST:
		take_mcast(setup, text);
		break;
	case OPT_XDP_HEADROOM:
		take_headroom(setup, text);
		break;
	}
}

static void take_value(struct netfront_config *config, int id, const char *text)
{
	switch (id) {
	case OPT_DOMID:
		config->domid = shim_number("domid", text, 0, DOMID_FIRST_RESERVED - 1);
		break;
	case OPT_VIF:
		config->devid = shim_number("vif", text, 0, 65535);
		break;
	case OPT_BACKEND_DOMID:
		config->backend_domid =
			shim_number("backend-domid", text, 0, DOMID_FIRST_RESERVED - 1);
		break;
	case OPT_QUEUES:
		config->queues = shim_number("queues", text, 1, NETFRONT_MAX_QUEUES);
		break;
	case OPT_RX_BUFFERS:
		config->profile.rx_buffers = shim_number("rx-buffers", text, 1, NETIF_RING);
		break;
	case OPT_TX_BUFFERS:
		config->profile.tx_buffers =
			shim_number("tx-buffers", text, XEN_NETIF_NR_SLOTS_MIN, NETIF_RING);
		break;
	case OPT_TIMEOUT:
		config->timeout_ms = shim_number("timeout", text, 0, 3600000);
		break;
	case OPT_PROFILE:
		set_profile(config, text);
		break;
	default:
		take_setup(&config->setup, id, text);
	}
}

static void parse(struct shim *s, int argc, char **argv)
{
	int id;

	while ((id = getopt_long(argc, argv, "+hv", options, NULL)) != -1) {
		if (id == OPT_HELP)
			print_help();
		else if (id == OPT_VERBOSE)
			s->verbose++;
		else if (id == '?')
			exit(SHIM_USAGE);
		else if (!take_flag(&s->config, id))
			take_value(&s->config, id, optarg);
	}
}

int main(int argc, char **argv)
{
	static struct shim shim = {
		.config =
			{
				.domid = -1,
				.backend_domid = -1,
				.queues = 1,
				.timeout_ms = 10000,
			},
	};

	set_profile(&shim.config, "linux");
	parse(&shim, argc, argv);
	argc -= optind;
	argv += optind;
	if (!argc)
		shim_usage("no command");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[0], commands[i].name) != 0)
			continue;
		shim.command = commands[i].name;
		optind = 0; /* the command parses its own options from the start */
		return commands[i].run(&shim, argc, argv);
	}
	shim_usage("no command %s", argv[0]);
}
