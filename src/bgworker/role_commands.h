/*
 * role_commands.h
 *	  Commands that drop roles, or what they own.
 */
#ifndef WF_ROLE_COMMANDS_H
#define WF_ROLE_COMMANDS_H

#include "nodes/nodes.h"

extern bool wf_role_commands_concern(Node *statement);
extern void wf_role_commands_before(Node *statement);
extern void wf_role_commands_after(Node *statement);

#endif							/* WF_ROLE_COMMANDS_H */
