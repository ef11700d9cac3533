/* welcome: what a browser sees that opens the address for phones. */
#ifndef EASEL_CORE_WELCOME_H
#define EASEL_CORE_WELCOME_H

struct answer;

/* A plain page that says what this address is for. */
void welcome_answer(struct answer *w);

#endif
