// How the daemon's allocator behaves: jemalloc(3), "TUNING". What is freed goes back to the system within seconds, by a
// thread of the allocator's own, so that a thousand slow connections leave nothing behind; four arenas, as there are
// threads that answer.
extern "C" {
extern char const* malloc_conf;
char const* malloc_conf = "background_thread:true,narenas:2,dirty_decay_ms:2000,muzzy_decay_ms:0";
}
