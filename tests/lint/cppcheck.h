/* What cppcheck, which does not read system headers, must know of uthash. */
#define HASH_ITER(hh, head, el, tmp) \
	for ((el) = (head), (tmp) = (el)->hh.next; (el) != NULL; (el) = (tmp))
#define DL_FOREACH(head, el) \
	for ((el) = (head); (el) != NULL; (el) = (el)->next)
#define DL_FOREACH2(head, el, next) \
	for ((el) = (head); (el) != NULL; (el) = (el)->next)
#define DL_FOREACH_SAFE(head, el, tmp) \
	for ((el) = (head); (el) != NULL && ((tmp) = (el)->next, 1); \
	     (el) = (tmp))
#define LL_FOREACH(head, el) \
	for ((el) = (head); (el) != NULL; (el) = (el)->next)
#define LL_FOREACH_SAFE(head, el, tmp) DL_FOREACH_SAFE (head, el, tmp)
