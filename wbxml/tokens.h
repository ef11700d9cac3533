/* tokens: the global tokens of WBXML (MS-ASWBXML 1.6), for the codec's own files. */
#ifndef EASEL_WBXML_TOKENS_H
#define EASEL_WBXML_TOKENS_H

enum {
	TOKEN_SWITCH_PAGE = 0x00,
	TOKEN_END = 0x01,
	TOKEN_ENTITY = 0x02,
	TOKEN_STR_I = 0x03,
	TOKEN_LITERAL = 0x04, /* and with both bits below */
	TOKEN_PI = 0x43,
	TOKEN_STR_T = 0x83,
	TOKEN_OPAQUE = 0xc3
};

/* A tag's token: the low six bits name it, and these tell what it has. */
enum {
	TAG_IDENTITY = 0x3f,
	TAG_HAS_CONTENT = 0x40,
	TAG_HAS_ATTRIBUTES = 0x80,
	TAG_FIRST = 0x05 /* lower ones are global tokens */
};

/* Numbers of the IANA for character sets, in the header. */
enum { CHARSET_UNKNOWN = 0, CHARSET_US_ASCII = 3, CHARSET_UTF_8 = 106 };

#endif
