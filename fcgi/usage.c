/* usage: what this process occupies. See usage.h for the contract. */
#include "fcgi/usage.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* The entries of /proc/self/fd, without ".", ".." and the one that reads it. */
static size_t count_descriptors(void)
{
	size_t n = 0;
	DIR *folder = opendir("/proc/self/fd");
	if (!folder)
		return 0;
	while (readdir(folder))
		n++;
	closedir(folder);
	return n > 3 ? n - 3 : 0;
}

static int64_t resident(void)
{
	long long total, pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lld %lld", &total, &pages) != 2)
		pages = 0;
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

struct usage usage_read(void)
{
	struct rlimit limit = {0};
	getrlimit(RLIMIT_NOFILE, &limit);
	return (struct usage){.descriptors = count_descriptors(),
			      .max_descriptors = limit.rlim_cur,
			      .memory = resident()};
}
