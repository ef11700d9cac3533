/* pages: the names and versions of all tags, from pages.def. See wbxml.h for the contract. */
#include "wbxml/wbxml.h"

enum { PAGES = 26, TOKENS = 0x40 };

static const char *const page_names[PAGES] = {
#define PAGE(number, name) [number] = #name,
#define TAG(page, page_name, token, name, since, until)
#include "wbxml/pages.def"
#undef PAGE
#undef TAG
};

static const struct {
	const char *name;
	uint8_t since, until;
} tags[PAGES][TOKENS] = {
#define PAGE(number, name)
#define TAG(page, page_name, token, name, since, until) [page][token] = {#name, since, until},
#include "wbxml/pages.def"
#undef PAGE
#undef TAG
};

const char *wbxml_tag_name(unsigned tag)
{
	unsigned page = tag >> 8, token = tag & 0xff;
	return page < PAGES && token < TOKENS ? tags[page][token].name : NULL;
}

const char *wbxml_page_name(unsigned page)
{
	return page < PAGES ? page_names[page] : NULL;
}

bool wbxml_tag_in_version(unsigned tag, unsigned version)
{
	if (!wbxml_tag_name(tag))
		return false;
	unsigned page = tag >> 8, token = tag & 0xff;
	return version >= tags[page][token].since && version <= tags[page][token].until;
}
