/*
 * user_page: /easel/, where a user sees his devices in a browser, has one wiped, removed or
 * stopped, tightens its policy, and sees its recovery password. Plain HTML without scripts.
 *
 * What changes something comes with a token that only the page itself can have: it is bound to the
 * account and to a cookie that the browser sends to nobody's form but ours (SameSite=Strict).
 * Thread: the session's.
 */
#ifndef EASEL_CORE_USER_PAGE_H
#define EASEL_CORE_USER_PAGE_H

#include "core/call.h"

/* Answers a GET or a POST of somebody who is logged in. */
void user_page_answer(struct call *c);

#endif
