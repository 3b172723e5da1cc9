// SPDX-License-Identifier: GPL-2.0
/*
 * What of the kernel has to be functions in user space: RCU, work, memory.
 */
#include <stdarg.h>
#include <time.h>

#include "shim.h"

__thread unsigned int shim_irqs_off;
size_t shim_percpu_stride;
long shim_fail_after = -1;
unsigned long shim_failures;
long shim_live;
bool shim_work_manual;
struct page shim_page[SHIM_PAGES];
u8 shim_memory[SHIM_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
__thread void *shim_kmapped[SHIM_KMAP_MAX];
__thread unsigned int shim_kmaps;

struct task_struct shim_task = { .pid = 11, .tgid = 10 };
u64 shim_clock;
shim_interrupt_fn shim_in_rmb;
shim_interrupt_fn shim_in_clock;
shim_interrupt_fn shim_in_irqs_on;

int scnprintf(char *buf, size_t size, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(buf, size, format, args);
	va_end(args);
	return len < (int)size ? len : (int)size - 1;
}

u64 ktime_get_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/* CPUs: one for each thread, given back when it ends */

static pthread_mutex_t cpu_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t cpu_once = PTHREAD_ONCE_INIT;
static pthread_key_t cpu_key;
static bool cpu_taken[SHIM_CPUS];
static __thread unsigned int cpu_number;	/* + 1 */

static void cpu_give_back(void *number)
{
	pthread_mutex_lock(&cpu_lock);
	cpu_taken[(uintptr_t)number - 1] = false;
	pthread_mutex_unlock(&cpu_lock);
}

static void cpu_init(void)
{
	pthread_key_create(&cpu_key, cpu_give_back);
}

unsigned int shim_cpu(void)
{
	unsigned int i;

	if (cpu_number)
		return cpu_number - 1;
	pthread_once(&cpu_once, cpu_init);
	pthread_mutex_lock(&cpu_lock);
	for (i = 0; i < SHIM_CPUS && cpu_taken[i]; i++)
		;
	assert(i < SHIM_CPUS);
	cpu_taken[i] = true;
	pthread_mutex_unlock(&cpu_lock);
	cpu_number = i + 1;
	pthread_setspecific(cpu_key, (void *)(uintptr_t)cpu_number);
	return i;
}

/* RCU: a reader notes the number of the grace period in which it began */

static u64 rcu_period = 1;
static struct {
	u64 began __attribute__((aligned(64)));
} rcu_reader[SHIM_CPUS];
static __thread unsigned int rcu_depth;

void rcu_read_lock(void)
{
	u64 period;

	if (rcu_depth++)
		return;
	period = __atomic_load_n(&rcu_period, __ATOMIC_SEQ_CST);
	__atomic_exchange_n(&rcu_reader[shim_cpu()].began, period,
			    __ATOMIC_SEQ_CST);
}

void rcu_read_unlock(void)
{
	assert(rcu_depth);
	if (!--rcu_depth)
		smp_store_release(&rcu_reader[shim_cpu()].began, 0);
}

void synchronize_rcu(void)
{
	unsigned int i;
	u64 period, began;

	assert(!rcu_depth && !shim_irqs_off);
	period = __atomic_add_fetch(&rcu_period, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < SHIM_CPUS; i++) {
		for (;;) {
			began = __atomic_load_n(&rcu_reader[i].began,
						__ATOMIC_SEQ_CST);
			if (!began || began >= period)
				break;
			sched_yield();
		}
	}
}

/* memory */

struct kmem_cache {
	size_t size;
	size_t align;
	long live;
};

bool shim_alloc_fails(void)
{
	long n = READ_ONCE(shim_fail_after);

	if (n < 0)
		return false;
	if (n > 0)
		WRITE_ONCE(shim_fail_after, n - 1);
	else
		__atomic_fetch_add(&shim_failures, 1, __ATOMIC_RELAXED);
	return n == 0;
}

static void count_live(int change)
{
	__atomic_fetch_add(&shim_live, change, __ATOMIC_RELAXED);
}

void *shim_alloc(size_t size, size_t align)
{
	size_t rounded;
	void *p;

	if (shim_alloc_fails())
		return NULL;
	if (align < sizeof(void *))
		align = sizeof(void *);
	rounded = (size + align - 1) & ~(align - 1);
	p = aligned_alloc(align, rounded);
	assert(p);
	memset(p, 0, rounded);
	count_live(1);
	return p;
}

void shim_free(void *p)
{
	if (p)
		count_live(-1);
	free(p);
}

struct kmem_cache *kmem_cache_create(const char *name, size_t size,
				     size_t align, unsigned int flags,
				     void (*ctor)(void *))
{
	struct kmem_cache *cache = calloc(1, sizeof(*cache));

	cache->size = size;
	cache->align = align;
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	assert(!cache->live);
	free(cache);
}

void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp)
{
	void *p = shim_alloc(cache->size, cache->align);

	if (p)
		__atomic_fetch_add(&cache->live, 1, __ATOMIC_RELAXED);
	return p;
}

void kmem_cache_free(struct kmem_cache *cache, void *p)
{
	__atomic_fetch_sub(&cache->live, 1, __ATOMIC_RELAXED);
	shim_free(p);
}

/* work: one thread for all queues */

static pthread_mutex_t work_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_cond = PTHREAD_COND_INITIALIZER;
static struct work_struct *work_first;
static unsigned int work_running;
static pthread_t work_thread;
static bool work_stop;

/* Take out what is due. With work_lock. */
static struct work_struct *work_take(void)
{
	struct work_struct **p, *work;

	for (p = &work_first; *p; p = &(*p)->next) {
		work = *p;
		if (work->after_rcu && rcu_depth)
			continue;
		if (shim_work_manual || work->due <= ktime_get_ns()) {
			*p = work->next;
			work->pending = false;
			return work;
		}
	}
	return NULL;
}

/* Run the next work; false if none is due. With work_lock. */
static bool work_run(void)
{
	struct work_struct *work = work_take();

	if (!work)
		return false;
	work_running++;
	pthread_mutex_unlock(&work_lock);
	if (work->after_rcu)
		synchronize_rcu();
	work->fn(work);		/* may free it */
	pthread_mutex_lock(&work_lock);
	work_running--;
	pthread_cond_broadcast(&work_cond);
	return true;
}

static void *work_main(void *unused)
{
	struct timespec t;

	pthread_mutex_lock(&work_lock);
	while (!work_stop) {
		if (!READ_ONCE(shim_work_manual) && work_run())
			continue;
		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_nsec += 5000000;
		if (t.tv_nsec >= NSEC_PER_SEC) {
			t.tv_sec++;
			t.tv_nsec -= NSEC_PER_SEC;
		}
		pthread_cond_timedwait(&work_cond, &work_lock, &t);
	}
	pthread_mutex_unlock(&work_lock);
	return unused;
}

static bool run_work(void)
{
	bool ran;

	pthread_mutex_lock(&work_lock);
	ran = work_run();
	pthread_mutex_unlock(&work_lock);
	return ran;
}

void shim_run_work_once(void)
{
	run_work();
}

void shim_run_work(void)
{
	while (run_work())
		;
}

struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
					 int max_active)
{
	work_stop = false;
	if (pthread_create(&work_thread, NULL, work_main, NULL))
		return NULL;
	return (void *)&work_thread;
}

void destroy_workqueue(struct workqueue_struct *queue)
{
	pthread_mutex_lock(&work_lock);
	assert(!work_first);
	work_stop = true;
	pthread_cond_broadcast(&work_cond);
	pthread_mutex_unlock(&work_lock);
	pthread_join(work_thread, NULL);
}

static void work_queue(struct work_struct *work, unsigned long delay, bool mod)
{
	pthread_mutex_lock(&work_lock);
	if (work->pending && mod)
		work->due = ktime_get_ns() + delay * 1000000ULL;
	if (!work->pending) {
		work->pending = true;
		work->due = ktime_get_ns() + delay * 1000000ULL;
		work->next = work_first;
		work_first = work;
		pthread_cond_broadcast(&work_cond);
	}
	pthread_mutex_unlock(&work_lock);
}

void queue_delayed_work(struct workqueue_struct *queue,
			struct delayed_work *work, unsigned long delay)
{
	work_queue(&work->work, delay, false);
}

void mod_delayed_work(struct workqueue_struct *queue,
		      struct delayed_work *work, unsigned long delay)
{
	work_queue(&work->work, delay, true);
}

void queue_rcu_work(struct workqueue_struct *queue, struct rcu_work *work)
{
	work_queue(&work->work, 0, false);
}

void rcu_barrier(void)
{
	pthread_mutex_lock(&work_lock);
	while (work_run() || work_running)
		if (work_running)
			pthread_cond_wait(&work_cond, &work_lock);
	pthread_mutex_unlock(&work_lock);
}

/* Waits for other work than this, too. */
void cancel_delayed_work_sync(struct delayed_work *dwork)
{
	struct work_struct *work = &dwork->work;
	struct work_struct **p;

	pthread_mutex_lock(&work_lock);
	for (;;) {
		for (p = &work_first; *p && *p != work; p = &(*p)->next)
			;
		if (*p)
			*p = work->next;
		work->pending = false;
		if (!work_running)
			break;
		pthread_cond_wait(&work_cond, &work_lock);
	}
	pthread_mutex_unlock(&work_lock);
}
