/* SPDX-License-Identifier: Apache-2.0 */
/* The table of subcommands, from the list "cmds" in meson.build. */
#include "cmd/cmd.h"

#include "base/scope.h"

#include <string.h>

#define X(name) extern const struct xc_cmd xc_cmd_##name;
#include "cmds.list"
#undef X

const struct xc_cmd *const xc_cmds[] = {
#define X(name) [XC_CMD_##name] = &xc_cmd_##name,
#include "cmds.list"
#undef X
};

const struct xc_cmd *xc_cmd_find(const char *name, enum xc_cmd_id *ret_id)
{
	for (size_t i = 0; i < ARRAY_SIZE(xc_cmds); i++)
		if (!strcmp(xc_cmds[i]->name, name)) {
			*ret_id = (enum xc_cmd_id)i;
			return xc_cmds[i];
		}
	return NULL;
}
