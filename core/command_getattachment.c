/*
 * GetAttachment (MS-ASCMD 2.2.1.7): the content of an attachment as it is, for 2.5 to 12.1. What is
 * not there is HTTP 500, as the section says.
 */
#include "core/call.h"

#include "core/attachment.h"
#include "core/base/arena.h"
#include "core/caps.h"

void command_getattachment(struct call *c)
{
	struct attachment a;
	struct str name = c->request->eas.attachment_name;
	if (!name.n) {
		call_common(c, STATUS_INVALID_CONTENT);
		return;
	}
	switch (attachment_open(c, name, &a)) {
	case FOUND_FAILED:
		call_fail(c, NULL);
		break;
	case FOUND_NONE:
		call_common(c, STATUS_ITEM_NOT_FOUND);
		break;
	case FOUND_ONE:
		if (caps_attachment(&c->gate.caps, a.size) != ATTACHMENT_ALLOWED) {
			a.content->close(a.content);
			call_common(c, STATUS_ACCESS_DENIED);
			return;
		}
		c->status = STATUS_OK;
		c->answer->content_type = arena_printf(c->arena, "%.*s", STR_ARG(a.type));
		body_add_source(&c->answer->body, a.content);
		break;
	}
}
