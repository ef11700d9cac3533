/* status: failures in the protocol's words. See status.h for the contract. */
#include "core/status.h"

#include <stddef.h>

/* MS-ASCMD 2.2.2: what 2.5 to 12.1 say with HTTP instead. */
static const struct {
	unsigned common;
	int http;
} below_14[] = {
	{STATUS_INVALID_CONTENT, 400},
	{STATUS_INVALID_WBXML, 400},
	{STATUS_INVALID_XML, 400},
	{STATUS_INVALID_DATETIME, 400},
	{STATUS_INVALID_IDS, 400},
	{STATUS_INVALID_MIME, 400},
	{STATUS_DEVICE_ID_INVALID, 400},
	{STATUS_DEVICE_TYPE_INVALID, 400},
	{STATUS_SERVER_ERROR, 500},
	{STATUS_SERVER_RETRY, 503},
	{STATUS_QUOTA, 507},
	{STATUS_ACCESS_DENIED, 403},
	{STATUS_DEVICE_BLOCKED, 403},
	{STATUS_NOT_FULLY_PROVISIONABLE, 403},
	/* 449 also to a device that says no policy key: with 403 it would not come for the wipe. */
	{STATUS_WIPE_REQUESTED, 449},
	{STATUS_NOT_PROVISIONABLE, 449},
	{STATUS_DEVICE_NOT_PROVISIONED, 449},
	{STATUS_POLICY_REFRESH, 449},
	{STATUS_EXTERNALLY_MANAGED, 403},
	{STATUS_TOO_MANY_DEVICES, 403},
	{STATUS_INVALID_POLICY_KEY, 449},
	{STATUS_COMMAND_NOT_SUPPORTED, 501},
	{STATUS_VERSION_NOT_SUPPORTED, 400},
	{STATUS_SEND_QUOTA, 500},
	{STATUS_NO_RECIPIENT, 500},
	{STATUS_SUBMISSION_FAILED, 500},
	{STATUS_ITEM_NOT_FOUND, 500},
};

int status_http(unsigned common)
{
	for (size_t i = 0; i < sizeof below_14 / sizeof *below_14; i++)
		if (below_14[i].common == common)
			return below_14[i].http;
	return 500;
}

unsigned status_of(enum err_kind kind)
{
	static const unsigned of[] = {
		[ERR_NONE] = STATUS_OK,
		[ERR_MALFORMED] = STATUS_INVALID_XML,
		[ERR_INVALID] = STATUS_INVALID_XML,
		[ERR_TOO_LARGE] = STATUS_INVALID_CONTENT,
		[ERR_LOGIN] = STATUS_ACCESS_DENIED,
		[ERR_FORBIDDEN] = STATUS_ACCESS_DENIED,
		[ERR_NOT_FOUND] = STATUS_INVALID_IDS,
		[ERR_EXISTS] = STATUS_INVALID_IDS,
		[ERR_CONFLICT] = STATUS_SERVER_RETRY,
		[ERR_QUOTA] = STATUS_QUOTA,
		[ERR_UNSUPPORTED] = STATUS_COMMAND_NOT_SUPPORTED,
		[ERR_UNAVAILABLE] = STATUS_SERVER_RETRY,
		[ERR_INTERNAL] = STATUS_SERVER_ERROR,
	};
	return (unsigned)kind < sizeof of / sizeof *of ? of[kind] : STATUS_SERVER_ERROR;
}

const char *status_reason(int http)
{
	static const struct {
		int status;
		const char *text;
	} reasons[] = {
		{200, "OK"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{408, "Request Timeout"},
		{411, "Length Required"},
		{413, "Content Too Large"},
		{415, "Unsupported Media Type"},
		{429, "Too Many Requests"},
		{449, "Retry after sending a PROVISION command"},
		{451, "Redirect"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].status == http)
			return reasons[i].text;
	return "Status";
}
