// How the daemon's allocator behaves: jemalloc(3), "TUNING". What is freed goes back to the system within seconds, by a
// thread of the allocator's own, so that a thousand slow connections leave nothing behind. One arena and small caches:
// with forty threads, most of them asleep, what each keeps for itself is much of what the daemon has.
extern "C" {
extern char const* malloc_conf;
char const* malloc_conf = "background_thread:true,narenas:1,lg_tcache_max:9,dirty_decay_ms:500,muzzy_decay_ms:0";
}
