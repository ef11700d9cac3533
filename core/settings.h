/*
 * settings: the properties of the Settings command (MS-ASCMD 2.2.1.18), each of which reads its
 * part of the request, does it, and writes its part of the answer.
 *
 * False: the request as a whole has failed (c->err). Thread: the call's.
 */
#ifndef EASEL_CORE_SETTINGS_H
#define EASEL_CORE_SETTINGS_H

#include <stdbool.h>

#include "core/call.h"

bool settings_oof(struct call *c, const struct wbxml_node *oof);
bool settings_device_password(struct call *c, const struct wbxml_node *password);
bool settings_user_information(struct call *c, const struct wbxml_node *information);

/* A property that has nothing to tell but how it went. */
void settings_answer(struct call *c, unsigned tag, unsigned status);

#endif
