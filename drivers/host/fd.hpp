// A file descriptor with one owner, and resolution that cannot leave the directory it starts at.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace genesis::host {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(Fd const&) = delete;
    Fd& operator=(Fd const&) = delete;
    ~Fd();
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }

private:
    int fd_ = -1;
};

// openat2(2) with RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV and O_CLOEXEC.
// `path` is relative. Returns no descriptor and sets `error` to errno when the kernel refuses: ELOOP, EXDEV and EAGAIN
// mean that somebody plays with the tree. Never falls back to a plain open.
Fd open_beneath(int dir, std::string_view path, int flags, unsigned mode, int& error);

}  // namespace genesis::host
