#include <stdlib.h>
#include <string.h>

#include "common/base/sandbox.h"

static void
add_paths(struct sandbox *sb, const char *const *paths)
{
	for (; *paths != NULL; paths++)
		sandbox_path(sb, *paths, SANDBOX_READ);
}

void
sandbox_path(struct sandbox *sb, const char *path, enum sandbox_access access)
{
	if (sb->npaths == SANDBOX_PATHS_MAX) {
		sb->full = true;
		return;
	}
	sb->unix_sockets = sb->unix_sockets || access == SANDBOX_SOCKET;
	sb->paths[sb->npaths].path = path;
	sb->paths[sb->npaths++].access = access;
}

void
sandbox_port(struct sandbox *sb, unsigned port)
{
	sb->network = true;
	if (sb->nports == SANDBOX_PORTS_MAX)
		sb->full = true;
	else
		sb->ports[sb->nports++] = port;
}

void
sandbox_network(struct sandbox *sb)
{
	sb->network = true;
}

void
sandbox_folder_of(struct sandbox *sb, const char *file, char **owned)
{
	const char *slash = strrchr(file, '/');

	/* Not by dirname(): what it returns is one static buffer on OpenBSD. */
	free(*owned);
	*owned = slash == NULL ? str_dup(STR("."))
			       : str_dup(str_n(file, (size_t)(slash - file)));
	sandbox_path(sb, *owned == NULL || **owned == '\0' ? file : *owned,
	    SANDBOX_READ);
}

void
sandbox_resolver(struct sandbox *sb)
{
	/*
	 * The C library loads its resolver's modules when they are needed.
	 * The folders in /run are where resolv.conf is often a link to, and is
	 * replaced; all of /etc may hold secrets.
	 */
	static const char *const paths[] = { "/etc/resolv.conf",
		"/run/systemd/resolve", "/run/resolvconf",
		"/run/NetworkManager", "/etc/hosts", "/etc/nsswitch.conf",
		"/etc/host.conf", "/etc/gai.conf", "/etc/services",
		"/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64",
		NULL };

	sandbox_network(sb);
	sb->unix_sockets = true; /* of services that the C library asks */
	add_paths(sb, paths);
}

void
sandbox_certificates(struct sandbox *sb)
{
	static const char *const paths[] = { "/etc/ssl", "/etc/pki",
		"/usr/share/ca-certificates",
		"/usr/local/share/ca-certificates", "/usr/lib/ssl", NULL };

	add_paths(sb, paths);
}
