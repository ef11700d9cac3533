/* page_text: what the user's page says. See page_text.h for the contract. */
#include "core/page_text.h"

#include <string.h>

static const struct {
	const char *key, *english, *german;
} words[] = {
#define WORD(key, english, german) {key, english, german},
#include "core/page_text.def"
#undef WORD
};

const char *page_text(struct str language, const char *key)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(key, words[i].key) == 0)
			return str_eq(language, STR("de")) ? words[i].german : words[i].english;
	return key;
}
