// Running another program: everything is prepared before fork(), the child only makes system calls until execve().
#include "drivers/host/exec.hpp"

#include "drivers/host/fd.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace genesis::host {

namespace {

constexpr std::chrono::milliseconds glance{100};  // how soon a request to stop is noticed

struct Prepared {
    std::vector<char*> argv, envp;
    char const* directory;
    RunAs const* as;
    int in, out, err, report;
};

struct Failure {  // what the child sends back when it cannot become the program
    int error;
    char step[28];
};

// From here to execve() only async-signal-safe calls: other threads held locks when we forked.
[[noreturn]] void give_up(int report, char const* step) {
    Failure failure{errno, {}};
    std::strncpy(failure.step, step, sizeof failure.step - 1);
    (void)!::write(report, &failure, sizeof failure);
    ::_exit(127);
}

// Raw system calls: the wrappers of glibc would look for threads that this child does not have.
void become(RunAs const& as, int report) {
    if (::syscall(SYS_setgroups, 0, nullptr) != 0) give_up(report, "drop groups");
    for (unsigned long cap = 0; cap < 64; ++cap)  // EINVAL: the kernel has no such capability
        if (::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0 && errno != EINVAL) give_up(report, "drop capabilities");
    if (::syscall(SYS_setresgid, as.gid, as.gid, as.gid) != 0) give_up(report, "set the group");
    if (::syscall(SYS_setresuid, as.uid, as.uid, as.uid) != 0) give_up(report, "set the user");
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2] = {};
    if (::syscall(SYS_capset, &header, none) != 0) give_up(report, "drop capabilities");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) give_up(report, "set no_new_privs");
}

[[noreturn]] void child(Prepared const& p) {
    ::setsid();
    ::umask(022);
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int signal = 1; signal < 32; ++signal) ::sigaction(signal, &standard, nullptr);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    if (::dup2(p.in, 0) < 0 || ::dup2(p.out, 1) < 0 || ::dup2(p.err, 2) < 0) give_up(p.report, "set up its streams");
    if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) give_up(p.report, "close descriptors");
    if (p.as) become(*p.as, p.report);
    if (::chdir(p.directory) != 0) give_up(p.report, "change the directory");
    ::execve(p.argv[0], p.argv.data(), p.envp.data());
    give_up(p.report, "start");
}

struct Pipe {
    Fd read, write;
};

Fd above_streams(int fd) {  // so that dup2 onto 0, 1 and 2 cannot overwrite one of ours
    if (fd < 0) throw Fault(std::string("no descriptor left: ") + std::strerror(errno));
    if (fd > 2) return Fd(fd);
    Fd const low(fd);
    Fd high(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!high) throw Fault(std::string("no descriptor left: ") + std::strerror(errno));
    return high;
}

Pipe make_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) throw Fault(std::string("no pipe: ") + std::strerror(errno));
    return {above_streams(ends[0]), above_streams(ends[1])};
}

// A file in memory rather than a pipe: no deadlock, no SIGPIPE, and /dev/stdin works.
Fd input_of(std::string const& bytes) {
    Fd file = above_streams(::memfd_create("input", MFD_CLOEXEC));
    for (std::size_t done = 0; done < bytes.size();) {
        auto const n = ::write(file.get(), bytes.data() + done, bytes.size() - done);
        if (n < 0 && errno != EINTR) throw Fault(std::string("no memory for the input: ") + std::strerror(errno));
        if (n > 0) done += static_cast<std::size_t>(n);
    }
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

// Keeps up to `most` bytes of what is there now; false at the end of the stream.
bool drain(Fd const& from, std::string& into, std::size_t most) {
    std::array<char, 65536> buffer;
    for (;;) {
        auto const n = ::read(from.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EAGAIN;
        if (n == 0) return false;
        into.append(buffer.data(), std::min(static_cast<std::size_t>(n), most - std::min(most, into.size())));
    }
}

// A started process: whatever happens, its whole group is killed and it is reaped.
class Child {
public:
    explicit Child(pid_t pid) : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
    Child(Child const&) = delete;
    Child& operator=(Child const&) = delete;
    ~Child() {
        if (pid_ > 0) (void)reap();
    }
    [[nodiscard]] int fd() const { return fd_.get(); }
    // Kills before reaping: until then the zombie keeps the number from being used again.
    int reap() {
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);  // before its setsid() it has no group of its own
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

private:
    pid_t pid_;
    Fd fd_;
};

void throw_if_not_started(Fd const& report, std::string const& program) {
    Failure failure{};
    ssize_t n = 0;
    do n = ::read(report.get(), &failure, sizeof failure);
    while (n < 0 && errno == EINTR);
    if (n == static_cast<ssize_t>(sizeof failure))
        throw Fault(program + ": could not " + failure.step + ": " + std::strerror(failure.error));
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    out.reserve(texts.size() + 1);
    for (auto& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

std::vector<std::string> environment_of(Command const& command) {
    auto all = command.environment;
    all.try_emplace("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    all.try_emplace("LC_ALL", "C");
    all.try_emplace("HOME", "/nonexistent");
    std::vector<std::string> out;
    out.reserve(all.size());
    for (auto const& [name, value] : all) out.emplace_back(name).append("=").append(value);
    return out;
}

// Reads both streams until the process has ended.
int follow(Child& process, Pipe& out, Pipe& err, Command const& command, Context const& context, ExecResult& ran) {
    bool out_open = true, err_open = true;
    for (;;) {
        try {
            context.check();
        } catch (Expired const& e) {
            throw Expired(command.argv[0] + ": " + e.what());
        }
        std::array<pollfd, 3> wait{pollfd{process.fd(), POLLIN, 0}, pollfd{out_open ? out.read.get() : -1, POLLIN, 0},
                                   pollfd{err_open ? err.read.get() : -1, POLLIN, 0}};
        auto const pause = std::clamp(context.left(), std::chrono::milliseconds(1), glance);
        if (::poll(wait.data(), wait.size(), static_cast<int>(pause.count())) < 0 && errno != EINTR)
            throw Fault(command.argv[0] + ": " + std::strerror(errno));
        bool const ended = (wait[0].revents & POLLIN) != 0;
        if (out_open && (ended || wait[1].revents != 0)) out_open = drain(out.read, ran.out, command.most);
        if (err_open && (ended || wait[2].revents != 0)) err_open = drain(err.read, ran.err, command.most);
        if (ended) return process.reap();
    }
}

void set_nonblocking(Fd const& fd) { ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK); }

}  // namespace

ExecResult run(Command const& command, Context const& context) {
    if (command.argv.empty() || !command.argv[0].starts_with('/')) throw Fault("a program needs an absolute path");
    context.check();
    Fd const input = input_of(command.input);
    auto out = make_pipe(), err = make_pipe(), report = make_pipe();
    auto argv = command.argv, environment = environment_of(command);
    Prepared const prepared{
        pointers(argv), pointers(environment), command.directory.c_str(), command.as ? &*command.as : nullptr,
        input.get(),    out.write.get(),       err.write.get(),           report.write.get()};
    auto const pid = ::fork();
    if (pid < 0) throw Fault(command.argv[0] + ": " + std::strerror(errno));
    if (pid == 0) child(prepared);
    Child process(pid);
    if (process.fd() < 0) throw Fault(command.argv[0] + ": no process descriptor");
    out.write = Fd(), err.write = Fd(), report.write = Fd();
    throw_if_not_started(report.read, command.argv[0]);
    set_nonblocking(out.read);
    set_nonblocking(err.read);
    ExecResult ran;
    ran.code = follow(process, out, err, command, context, ran);
    return ran;
}

std::string ExecResult::why() const {
    std::string_view text = err.find_first_not_of(" \t\r\n") == std::string::npos ? out : err;
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
    if (text.size() > 300) text.remove_prefix(text.size() - 300);
    std::string line;
    for (char const c : text) line += c == '\n' ? ' ' : (c < 0x20 || c == 0x7f) ? '?' : c;
    if (line.empty()) line = "exit code " + std::to_string(code);
    return line;
}

}  // namespace genesis::host
