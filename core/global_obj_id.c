/* global_obj_id: the GlobalObjId of a meeting request. See global_obj_id.h for the contract. */
#include "core/global_obj_id.h"

#include <string.h>

#include "core/base/arena.h"
#include "core/base/text.h"

/* Where what stands: class id, date of the occurrence, time of making, zeros, length, data. */
enum { CLASS_ID = 16, DAY = 16, LENGTH = 36, DATA = 40, VCAL = 12, VCAL_LEAST = 53 };

static const unsigned char class_id[CLASS_ID] = {0x04, 0x00, 0x00, 0x00, 0x82, 0x00, 0xe0, 0x00,
						 0x74, 0xc5, 0xb7, 0x10, 0x1a, 0x82, 0xe0, 0x08};

static void put_length(char *out, size_t n)
{
	for (int i = 0; i < 4; i++)
		out[i] = (char)(n >> (8 * i));
}

static size_t get_length(struct str bytes)
{
	size_t n = 0;
	for (int i = 4; i-- > 0;)
		n = n << 8 | (unsigned char)bytes.p[LENGTH + i];
	return n;
}

static void put_day(char *bytes, struct global_day day)
{
	bytes[DAY] = (char)(day.year >> 8);
	bytes[DAY + 1] = (char)day.year;
	bytes[DAY + 2] = (char)day.month;
	bytes[DAY + 3] = (char)day.day;
}

static bool is_outlook(struct arena *a, struct str uid, struct str *bytes)
{
	return text_hex_decode(a, uid, bytes) && bytes->n >= DATA &&
	       memcmp(bytes->p, class_id, CLASS_ID) == 0;
}

struct str global_obj_id(struct arena *a, struct str uid, struct global_day day)
{
	struct str decoded;
	size_t n;
	char *bytes;
	if (is_outlook(a, uid, &decoded)) {
		n = decoded.n;
		bytes = arena_dup(a, decoded.p, n);
	} else {
		size_t length = VCAL + uid.n + 1;
		n = DATA + length;
		bytes = arena_alloc(a, n);
		memset(bytes, 0, n);
		memcpy(bytes, class_id, CLASS_ID);
		put_length(bytes + LENGTH, length);
		memcpy(bytes + DATA, "vCal-Uid\1\0\0\0", VCAL);
		if (uid.n)
			memcpy(bytes + DATA + VCAL, uid.p, uid.n);
	}
	put_day(bytes, day);
	return text_base64_encode(a, (struct str){bytes, n});
}

static struct str upper_hex(struct arena *a, struct str bytes)
{
	static const char digits[] = "0123456789ABCDEF";
	char *out = arena_alloc(a, 2 * bytes.n + 1);
	for (size_t i = 0; i < bytes.n; i++) {
		out[2 * i] = digits[(unsigned char)bytes.p[i] >> 4];
		out[2 * i + 1] = digits[(unsigned char)bytes.p[i] & 15];
	}
	return (struct str){out, 2 * bytes.n};
}

bool global_obj_id_uid(struct arena *a, struct str base64, struct str *uid)
{
	struct str bytes;
	if (!text_base64_decode(a, base64, true, &bytes) || bytes.n < DATA ||
	    memcmp(bytes.p, class_id, CLASS_ID) != 0)
		return false;
	size_t length = get_length(bytes);
	if (bytes.n >= VCAL_LEAST && memcmp(bytes.p + DATA, "vCal-Uid", 8) == 0 && length > VCAL &&
	    length <= bytes.n - DATA) {
		struct str data = str_sub(bytes, DATA + VCAL, length - VCAL);
		while (data.n && data.p[data.n - 1] == '\0')
			data.n--;
		*uid = data;
		return data.n > 0;
	}
	char *copy = arena_dup(a, bytes.p, bytes.n);
	put_day(copy, (struct global_day){0, 0, 0});
	*uid = upper_hex(a, (struct str){copy, bytes.n});
	return true;
}
