// What befalls a daemon whose machine is short of something.
#pragma once
#include <sys/resource.h>

#include <csignal>

namespace genesis::test {

// The process's soft limit (getrlimit(2)) while this lives. RLIMIT_FSIZE of 1 is as a disk that is full.
class LoweredLimit {
public:
    LoweredLimit(__rlimit_resource resource, rlim_t most) : resource_(resource) {
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(resource_, &before_);
        rlimit const lowered{most, before_.rlim_max};
        ::setrlimit(resource_, &lowered);
    }
    ~LoweredLimit() {
        ::setrlimit(resource_, &before_);
        (void)std::signal(SIGXFSZ, handler_);
    }
    LoweredLimit(LoweredLimit const&) = delete;
    LoweredLimit& operator=(LoweredLimit const&) = delete;

private:
    __rlimit_resource resource_;
    rlimit before_{};
    void (*handler_)(int) = SIG_DFL;
};

}  // namespace genesis::test
