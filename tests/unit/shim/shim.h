/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of the kernel's interface as dma_rmap's table, space, mapping and
 * access code uses, for building it in user space. All of <linux/...> there is
 * this one file. It is not a model of the kernel's performance.
 *
 * What it adds for tests: allocations that fail (shim_fail_after), work that
 * waits until it is told to run (shim_work_manual), preemption in unlikely
 * places, and checks that interrupts are off where they have to be.
 */
#ifndef SHIM_H
#define SHIM_H

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* types, compiler */

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64;
typedef long long s64;
typedef u64 dma_addr_t;
typedef u64 phys_addr_t;
typedef unsigned int gfp_t;

#define __percpu
#define noinline		__attribute__((noinline))
#undef __always_inline
#define __always_inline		inline __attribute__((always_inline))
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define ____cacheline_aligned_in_smp __attribute__((aligned(64)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define DIV_ROUND_UP(n, d)	(((n) + (d) - 1) / (d))
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#undef static_assert
#define static_assert(x, ...)	_Static_assert(x, "" __VA_ARGS__)
#define EXPORT_SYMBOL_GPL(x)	extern int shim_export_##x
#define WARN_ON_ONCE(x) ({						\
	bool __warn = (x);						\
	if (__warn) {							\
		fprintf(stderr, "WARN_ON(%s) at %s:%d\n", #x, __FILE__,	\
			__LINE__);					\
		abort();						\
	}								\
	__warn; })

#define min(a, b) ({ typeof(a) __a = (a); typeof(b) __b = (b);		\
		     __a < __b ? __a : __b; })
#define max(a, b) ({ typeof(a) __a = (a); typeof(b) __b = (b);		\
		     __a > __b ? __a : __b; })
#define min3(a, b, c)		min(min(a, b), c)
#define min_t(type, a, b)	min((type)(a), (type)(b))
#define max_t(type, a, b)	max((type)(a), (type)(b))

/* what src/compat.h asks: a kernel with the newest spellings */

#define IS_ENABLED(option)	SHIM_##option
#define SHIM_CONFIG_DMA_OPS	0
#define SHIM_CONFIG_ARCH_HAS_DMA_OPS 1
#define SHIM_CONFIG_NEED_SG_DMA_LENGTH 1
#define HAVE_DMA_MAP_PHYS
#define HAVE_DMA_MAP_PHYS_API
#define HAVE_DMA_ALLOC_PAGES_OP
#define HAVE_DMA_ATTR_MMIO

/* bits */

#define BIT(n)			(1UL << (n))
#define BIT_ULL(n)		(1ULL << (n))
#define BITS_PER_LONG		64
#define test_bit(n, p)		((READ_ONCE(*(p)) >> (n)) & 1)
#define set_bit(n, p) \
	((void)__atomic_fetch_or(p, BIT(n), __ATOMIC_RELAXED))
#define for_each_set_bit(n, p, size)					\
	for ((n) = 0; (n) < (size); (n)++)				\
		if (test_bit(n, p))
#define hweight64(x)		((unsigned int)__builtin_popcountll(x))
#define __ffs64(x)		((unsigned long)__builtin_ctzll(x))
#define ilog2(x)		(63 - __builtin_clzll(x))
#define order_base_2(x) ({ u64 __n = (x);				\
			   __n > 1 ? ilog2(__n - 1) + 1 : 0; })

#define div_u64(dividend, divisor) ((u64)(dividend) / (u32)(divisor))

static inline u64 div_u64_rem(u64 dividend, u32 divisor, u32 *remainder)
{
	*remainder = dividend % divisor;
	return dividend / divisor;
}

/*
 * memory order and atomics; a thread is preempted in between now and then,
 * unless something is measured (SHIM_MEASURE)
 */

#ifdef SHIM_MEASURE
static inline void shim_preempt(void)
{
}
#else
static inline void shim_preempt(void)
{
	static __thread unsigned int count;

	if (!(++count % 128))
		sched_yield();
}
#endif

/* What a test lets happen once, in the middle of something, in one thread */
typedef void (*shim_interrupt_fn)(void);
extern shim_interrupt_fn shim_in_rmb;	/* in the next smp_rmb() */
extern shim_interrupt_fn shim_in_clock;	/* in the next local_clock() */
extern shim_interrupt_fn shim_in_irqs_on; /* when they are on again */

static inline void shim_interrupt(shim_interrupt_fn *where)
{
	shim_interrupt_fn fn = *where;

	if (fn) {
		*where = NULL;
		fn();
	}
}

/* READ_ONCE() orders what depends on it, which C can only say more strictly. */
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_ACQUIRE)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define smp_load_acquire(p) ({						\
	typeof(*(p)) __loaded = __atomic_load_n(p, __ATOMIC_ACQUIRE);	\
	shim_preempt();							\
	__loaded; })
#define smp_store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)
#define smp_rmb() do {							\
	__atomic_thread_fence(__ATOMIC_ACQUIRE);			\
	shim_interrupt(&shim_in_rmb);					\
} while (0)
#define smp_wmb()		__atomic_thread_fence(__ATOMIC_RELEASE)
#define data_race(x)		(x)
#define smp_mb__before_atomic()	__atomic_thread_fence(__ATOMIC_SEQ_CST)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	s64 counter;
} atomic64_t;

#define atomic_read(v)		READ_ONCE((v)->counter)
#define atomic_set(v, i)	WRITE_ONCE((v)->counter, i)
#define atomic_set_release(v, i) smp_store_release(&(v)->counter, i)
#define atomic_inc_return(v) \
	__atomic_add_fetch(&(v)->counter, 1, __ATOMIC_SEQ_CST)
#define atomic_andnot(i, v) \
	((void)__atomic_fetch_and(&(v)->counter, (int)~(i), __ATOMIC_RELAXED))
#define atomic_dec_return_release(v) \
	__atomic_sub_fetch(&(v)->counter, 1, __ATOMIC_RELEASE)
#define atomic64_set(v, i)	WRITE_ONCE((v)->counter, i)
#define atomic64_read(v)	READ_ONCE((v)->counter)
#define atomic64_set_release(v, i) smp_store_release(&(v)->counter, i)
#define atomic64_fetch_andnot(i, v) \
	__atomic_fetch_and(&(v)->counter, ~(s64)(i), __ATOMIC_SEQ_CST)
#define atomic64_fetch_sub_release(i, v) \
	__atomic_fetch_sub(&(v)->counter, (s64)(i), __ATOMIC_RELEASE)
#define atomic64_add_return(i, v) \
	((u64)__atomic_add_fetch(&(v)->counter, (s64)(i), __ATOMIC_SEQ_CST))

static inline bool atomic_try_cmpxchg_acquire(atomic_t *v, int *old, int new)
{
	shim_preempt();
	return __atomic_compare_exchange_n(&v->counter, old, new, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline bool atomic64_try_cmpxchg_acquire(atomic64_t *v, s64 *old,
						s64 new)
{
	shim_preempt();
	return __atomic_compare_exchange_n(&v->counter, old, new, false,
					   __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline bool atomic64_try_cmpxchg_release(atomic64_t *v, s64 *old,
						s64 new)
{
	shim_preempt();
	return __atomic_compare_exchange_n(&v->counter, old, new, false,
					   __ATOMIC_RELEASE, __ATOMIC_RELAXED);
}

#define cpu_relax()		sched_yield()

#define atomic64_cond_read_acquire(v, condition) ({			\
	s64 VAL;							\
	while (VAL = smp_load_acquire(&(v)->counter), !(condition))	\
		sched_yield();						\
	VAL; })

#define atomic_cond_read_acquire(v, condition) ({			\
	int VAL;							\
	while (VAL = smp_load_acquire(&(v)->counter), !(condition))	\
		sched_yield();						\
	VAL; })

/*
 * Interrupts, locks. No interrupt ever comes; but as long as they are off RCU
 * waits, as in the kernel.
 */

void rcu_read_lock(void);
void rcu_read_unlock(void);

extern __thread unsigned int shim_irqs_off;

#define local_irq_save(flags) do {					\
	(flags) = shim_irqs_off++;					\
	rcu_read_lock();						\
} while (0)
#define local_irq_restore(flags) do {					\
	rcu_read_unlock();						\
	shim_irqs_off = (flags);					\
	if (!shim_irqs_off)						\
		shim_interrupt(&shim_in_irqs_on);			\
} while (0)
#define lockdep_assert_irqs_disabled() assert(shim_irqs_off)

typedef struct {
	pthread_mutex_t mutex;
} raw_spinlock_t;

#define DEFINE_RAW_SPINLOCK(x) \
	raw_spinlock_t x = { PTHREAD_MUTEX_INITIALIZER }
#define raw_spin_lock_init(lock) pthread_mutex_init(&(lock)->mutex, NULL)
#define raw_spin_lock(lock)	pthread_mutex_lock(&(lock)->mutex)
#define raw_spin_unlock(lock)	pthread_mutex_unlock(&(lock)->mutex)
#define raw_spin_lock_irqsave(lock, flags) do {				\
	local_irq_save(flags);						\
	pthread_mutex_lock(&(lock)->mutex);				\
} while (0)
#define raw_spin_unlock_irqrestore(lock, flags) do {			\
	pthread_mutex_unlock(&(lock)->mutex);				\
	local_irq_restore(flags);					\
} while (0)

#define cond_resched()		shim_preempt()

/* RCU and CPUs: a thread that uses either has a number of its own */

#ifndef SHIM_CPUS
#define SHIM_CPUS 32
#endif

unsigned int shim_cpu(void);
void synchronize_rcu(void);

#define alloc_percpu(type) \
	((type *)shim_alloc(SHIM_CPUS * sizeof(type), 64))
#define free_percpu(p)		shim_free(p)
#define this_cpu_ptr(p)		(&(p)[shim_cpu()])
#define per_cpu_ptr(p, cpu)	(&(p)[cpu])
/* @var is a field of the first element of an array with such a stride. */
extern size_t shim_percpu_stride;
#define this_cpu_add(var, n) ((void)__atomic_fetch_add(			\
	(typeof(&(var)))((char *)&(var) +				\
			 shim_cpu() * shim_percpu_stride), (n),		\
	__ATOMIC_RELAXED))
#define this_cpu_sub(var, n)	this_cpu_add(var, -(u64)(n))
#define this_cpu_inc(var)	this_cpu_add(var, 1)
#define this_cpu_inc_return(var) __atomic_add_fetch(			\
	(typeof(&(var)))((char *)&(var) +				\
			 shim_cpu() * shim_percpu_stride), 1,		\
	__ATOMIC_RELAXED)
#define this_cpu_read(var) READ_ONCE(					\
	*(typeof(&(var)))((char *)&(var) +				\
			  shim_cpu() * shim_percpu_stride))
#define for_each_possible_cpu(cpu) \
	for ((cpu) = 0; (cpu) < SHIM_CPUS; (cpu)++)
/* A thread keeps its number, and no interrupt comes. */
/* Spinlocks are mutexes, so rmap_enter() is rcu_read_lock(). */
#define CONFIG_PREEMPT_RT	1
#define preempt_disable()	do { } while (0)
#define preempt_enable()	do { } while (0)
#define in_task()		true

#define TASK_COMM_LEN		16

struct task_struct {
	pid_t pid;
	pid_t tgid;
};

extern struct task_struct shim_task;
#define current			(&shim_task)

/* memory */

#define GFP_KERNEL		1u
#define GFP_ATOMIC		2u
#define __GFP_NOWARN		0u
#define __GFP_COMP		4u
#define __GFP_ZERO		8u

struct kmem_cache;

/* The allocation after the next N fails, and all that follow; -1: none does. */
extern long shim_fail_after;
extern unsigned long shim_failures;	/* how many have */
extern long shim_live;			/* allocations that are not freed */

bool shim_alloc_fails(void);
void *shim_alloc(size_t size, size_t align);
void shim_free(void *p);
struct kmem_cache *kmem_cache_create(const char *name, size_t size,
				     size_t align, unsigned int flags,
				     void (*ctor)(void *));
void kmem_cache_destroy(struct kmem_cache *cache);
void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t gfp);
void kmem_cache_free(struct kmem_cache *cache, void *p);
#define kvcalloc(n, size, gfp)	shim_alloc((n) * (size), (n) * (size))
#define kvfree(p)		shim_free(p)
#define kmalloc(size, gfp)	shim_alloc(size, 8)
#define kzalloc(size, gfp)	shim_alloc(size, 8)
#define kfree(p)		shim_free(p)
#define KMALLOC_MAX_SIZE	(4UL << 20)
#define struct_size(p, member, n) \
	(sizeof(*(p)) + (n) * sizeof((p)->member[0]))

/* pages: SHIM_PAGES of "physical" memory, from SHIM_PHYS on */

#define PAGE_SHIFT		12
#define PAGE_SIZE		(1UL << PAGE_SHIFT)
#define PAGE_MASK		(~(PAGE_SIZE - 1))
#define PAGE_ALIGN(x)		(((x) + PAGE_SIZE - 1) & PAGE_MASK)
#define SHIM_PHYS		0x100000000ULL
#ifndef SHIM_PAGES
#define SHIM_PAGES		4096UL
#endif
#define offset_in_page(p)	((unsigned long)(p) & (PAGE_SIZE - 1))
#define PHYS_PFN(phys)		((phys) >> PAGE_SHIFT)
#define virt_addr_valid(p) \
	((uintptr_t)(p) - (uintptr_t)shim_memory < sizeof(shim_memory))
#define pfn_to_page(pfn)	(&shim_page[(pfn) - PHYS_PFN(SHIM_PHYS)])
#define page_to_pfn(page)	((page) - shim_page + PHYS_PFN(SHIM_PHYS))
#define page_to_phys(page)	((u64)page_to_pfn(page) << PAGE_SHIFT)
#define virt_to_phys(p)		(SHIM_PHYS + ((u8 *)(p) - shim_memory))
#define virt_to_page(p)		pfn_to_page(PHYS_PFN(virt_to_phys(p)))
/* All but what was allocated is high memory: it has no address of its own. */
#define page_address(page) \
	((page)->taken ? shim_page_bytes(page) : NULL)
#define PageReserved(page)	((page)->reserved)
#define pfn_to_online_page(pfn) \
	((pfn) - PHYS_PFN(SHIM_PHYS) < SHIM_PAGES ? pfn_to_page(pfn) : NULL)
#define shim_page_bytes(page) \
	((void *)(shim_memory + ((page) - shim_page) * PAGE_SIZE))

/*
 * @taken: allocated, see dma.h
 * @reserved: not memory that a device may access
 * @p2pdma: a device's
 */
struct page {
	bool taken;
	bool reserved;
	bool p2pdma;
};

extern struct page shim_page[SHIM_PAGES];
extern u8 shim_memory[SHIM_PAGES * PAGE_SIZE];

/* Pages are mapped for a while, and the last one is unmapped first. */
#define SHIM_KMAP_MAX		16
extern __thread void *shim_kmapped[SHIM_KMAP_MAX];
extern __thread unsigned int shim_kmaps;

static inline void *kmap_local_page(struct page *page)
{
	assert(shim_kmaps < SHIM_KMAP_MAX);
	return shim_kmapped[shim_kmaps++] = shim_page_bytes(page);
}

static inline void kunmap_local(const void *p)
{
	assert(shim_kmaps);
	assert(shim_kmapped[--shim_kmaps] ==
	       (void *)((uintptr_t)p & PAGE_MASK));
}

#include "dma.h"

/* work */

#define HZ			8	/* milliseconds: all is quicker */
#define WQ_UNBOUND		1u

struct work_struct {
	void (*fn)(struct work_struct *work);
	struct work_struct *next;
	bool pending;
	bool after_rcu;		/* readers have to leave first */
	u64 due;
};

struct rcu_work {
	struct work_struct work;
};

struct delayed_work {
	struct work_struct work;
};

struct workqueue_struct;

extern bool shim_work_manual;	/* work runs in these two alone */
void shim_run_work_once(void);	/* not what is queued anew meanwhile */
void shim_run_work(void);

#define INIT_DELAYED_WORK(w, f)	((w)->work = (struct work_struct){ .fn = f })
#define INIT_RCU_WORK(w, f) \
	((w)->work = (struct work_struct){ .fn = f, .after_rcu = true })
#define to_delayed_work(w)	container_of(w, struct delayed_work, work)
#define to_rcu_work(w)		container_of(w, struct rcu_work, work)
struct workqueue_struct *alloc_workqueue(const char *name, unsigned int flags,
					 int max_active);
void destroy_workqueue(struct workqueue_struct *queue);
void queue_delayed_work(struct workqueue_struct *queue,
			struct delayed_work *work, unsigned long delay);
void mod_delayed_work(struct workqueue_struct *queue,
		      struct delayed_work *work, unsigned long delay);
void queue_rcu_work(struct workqueue_struct *queue, struct rcu_work *work);
void rcu_barrier(void);			/* runs what is queued */
void cancel_delayed_work_sync(struct delayed_work *work);

/* the rest */

#define NSEC_PER_USEC		1000L
#define NSEC_PER_MSEC		1000000L
#define NSEC_PER_SEC		1000000000L

struct seq_file {
	FILE *file;
};

#define seq_printf(m, ...)	fprintf((m)->file, __VA_ARGS__)
#define seq_puts(m, s)		fputs(s, (m)->file)

u64 ktime_get_ns(void);
extern u64 shim_clock;			/* if it is not 0, what the clock says */
#define local_clock() ({						\
	shim_interrupt(&shim_in_clock);					\
	shim_clock ? shim_clock : ktime_get_ns(); })

int scnprintf(char *buf, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Lists, written by one thread at a time */

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(x)		struct list_head x = { &(x), &(x) }

static inline void list_add_rcu(struct list_head *entry, struct list_head *head)
{
	entry->next = head->next;
	entry->prev = head;
	head->next->prev = entry;
	smp_store_release(&head->next, entry);
}

static inline void list_del_rcu(struct list_head *entry)
{
	entry->next->prev = entry->prev;
	WRITE_ONCE(entry->prev->next, entry->next);
}

#define list_for_each_entry_rcu(p, head, member)			\
	for (struct list_head *__at = READ_ONCE((head)->next);		\
	     __at != (head) &&						\
	     ((p) = container_of(__at, typeof(*(p)), member), true);	\
	     __at = READ_ONCE(__at->next))

/* Tracepoints: functions that do nothing */

#define TP_PROTO(...)		__VA_ARGS__
#define TRACE_EVENT(name, proto, ...) \
	static inline void trace_##name(proto) { }			\
	static inline bool trace_##name##_enabled(void) { return false; }
#define TRACE_DEFINE_ENUM(x)	extern int shim_trace_enum_##x

#endif /* SHIM_H */
