// sd-bus behind the header: one private connection, calls with a deadline, jobs issued together and awaited together.
#include "drivers/host/systemd.hpp"

#include <systemd/sd-bus.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>

namespace genesis::host {

namespace {

constexpr char const* service = "org.freedesktop.systemd1";
constexpr char const* object = "/org/freedesktop/systemd1";
constexpr char const* manager = "org.freedesktop.systemd1.Manager";
// dbus-daemon allows 128 replies outstanding for one connection (max_replies_per_connection).
constexpr std::size_t window = 64;
constexpr std::chrono::milliseconds glance{100};  // how soon a request to stop is noticed

struct Unref {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
};
using Message = std::unique_ptr<sd_bus_message, Unref>;
using Slot = std::unique_ptr<sd_bus_slot, Unref>;

struct BusError {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    BusError() = default;
    BusError(BusError const&) = delete;
    BusError& operator=(BusError const&) = delete;
    ~BusError() { sd_bus_error_free(&error); }
};

int need(int result, std::string const& what) {
    if (result < 0) throw Fault("systemd: " + what + ": " + std::strerror(-result));
    return result;
}

std::string text_of(sd_bus_error const& error) {
    return error.message ? error.message : error.name ? error.name : "no reason given";
}
bool no_such_unit(sd_bus_error const& error) {
    return sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit") != 0;
}

std::uint64_t microseconds_left(Context const& context) {
    context.check();
    return static_cast<std::uint64_t>(std::chrono::microseconds(context.left()).count());
}

void put(sd_bus_message* message, std::vector<std::string> const& texts) {
    need(sd_bus_message_open_container(message, 'a', "s"), "message");
    for (auto const& text : texts) need(sd_bus_message_append_basic(message, 's', text.c_str()), "message");
    need(sd_bus_message_close_container(message), "message");
}

}  // namespace

// The connection and the jobs that were seen to end.
struct Systemd::Bus {
    std::unique_ptr<sd_bus, Unref> bus;
    Slot removed;
    bool subscribed = false;
    std::map<std::string, std::string> ended;  // job path → result

    void open() {
        if (bus) return;
        sd_bus* opened = nullptr;
        need(sd_bus_open_system(&opened), "no connection");
        bus.reset(opened);
    }
    void close() {
        removed.reset();
        bus.reset();
        ended.clear();
        subscribed = false;
    }
    Message make(char const* member) {
        open();
        sd_bus_message* message = nullptr;
        need(sd_bus_message_new_method_call(bus.get(), &message, service, object, manager, member), member);
        return Message(message);
    }
    // Nothing when systemd answers that it has no such unit and `absent_is_fine`.
    Message call(Message const& message, Context const& context, bool absent_is_fine = false) {
        BusError error;
        sd_bus_message* reply = nullptr;
        auto const result = sd_bus_call(bus.get(), message.get(), microseconds_left(context), &error.error, &reply);
        if (result >= 0) return Message(reply);
        if (absent_is_fine && no_such_unit(error.error)) return nullptr;
        auto const why = std::string(sd_bus_message_get_member(message.get())) + ": " + text_of(error.error);
        close();
        if (result == -ETIMEDOUT) throw Expired("systemd: " + why);
        throw Fault("systemd: " + why);
    }
    void subscribe(Context const& context) {
        open();
        if (subscribed) return;
        sd_bus_slot* slot = nullptr;
        need(sd_bus_match_signal(bus.get(), &slot, service, object, manager, "JobRemoved", on_removed, this), "match");
        removed.reset(slot);
        call(make("Subscribe"), context);
        subscribed = true;
    }
    static int on_removed(sd_bus_message* message, void* self, sd_bus_error*) {
        std::uint32_t id = 0;
        char const *job = nullptr, *unit = nullptr, *result = nullptr;
        if (sd_bus_message_read(message, "uoss", &id, &job, &unit, &result) >= 0)
            static_cast<Bus*>(self)->ended[job] = result;
        return 0;
    }
    void turn(Context const& context) {
        context.check();
        auto const done = need(sd_bus_process(bus.get(), nullptr), "the connection broke");
        if (done > 0) return;
        auto const pause = std::clamp(context.left(), std::chrono::milliseconds(1), glance);
        need(sd_bus_wait(bus.get(), static_cast<std::uint64_t>(std::chrono::microseconds(pause).count())), "wait");
    }
    std::map<std::string, std::string> jobs(char const* verb, std::vector<std::string> const& units,
                                            Context const& context);
};

namespace {

// One unit's job: asked for, then answered with the job's path or an error.
struct Job {
    std::string unit, path, why;
    bool answered = false;
    Slot slot;

    static int on_reply(sd_bus_message* reply, void* self, sd_bus_error*) {
        auto& job = *static_cast<Job*>(self);
        job.answered = true;
        if (auto const* error = sd_bus_message_get_error(reply)) {
            job.why = no_such_unit(*error) ? "no such unit" : text_of(*error);
        } else if (char const* path = nullptr; sd_bus_message_read(reply, "o", &path) >= 0) {
            job.path = path;
        } else {
            job.why = "an answer that makes no sense";
        }
        return 0;
    }
};

}  // namespace

std::map<std::string, std::string> Systemd::Bus::jobs(char const* verb, std::vector<std::string> const& units,
                                                      Context const& context) {
    if (units.empty()) return {};
    try {
        subscribe(context);
        ended.clear();
        std::vector<Job> jobs(units.size());
        std::size_t sent = 0, answered = 0;
        while (answered < jobs.size()) {
            for (; sent < jobs.size() && sent - answered < window; ++sent) {
                jobs[sent].unit = units[sent];
                auto const message = make(verb);
                need(sd_bus_message_append(message.get(), "ss", units[sent].c_str(), "replace"), verb);
                sd_bus_slot* slot = nullptr;
                need(sd_bus_call_async(bus.get(), &slot, message.get(), Job::on_reply, &jobs[sent],
                                       microseconds_left(context)),
                     verb);
                jobs[sent].slot.reset(slot);
            }
            turn(context);
            while (answered < sent && jobs[answered].answered) ++answered;
        }
        auto const running = [&](Job const& job) { return !job.path.empty() && !ended.contains(job.path); };
        for (auto const& job : jobs)
            while (running(job)) turn(context);
        std::map<std::string, std::string> failed;
        for (auto const& job : jobs) {
            auto const result = job.path.empty() ? job.why : ended.at(job.path);
            if (result != "done" && result != "skipped") failed[job.unit] = result;
        }
        return failed;
    } catch (Fault const&) {
        close();
        throw;
    }
}

Systemd::Systemd() : bus_(std::make_unique<Bus>()) {}
Systemd::Systemd(Systemd&&) noexcept = default;
Systemd& Systemd::operator=(Systemd&&) noexcept = default;
Systemd::~Systemd() = default;

std::map<std::string, UnitState> Systemd::units(std::vector<std::string> const& patterns, Context const& context) {
    auto const message = bus_->make("ListUnitsByPatterns");
    put(message.get(), {});
    put(message.get(), patterns);
    auto const reply = bus_->call(message, context);
    std::map<std::string, UnitState> out;
    need(sd_bus_message_enter_container(reply.get(), 'a', "(ssssssouso)"), "list of units");
    for (;;) {
        char const *name, *doc, *load, *active, *sub, *following, *path, *job_type, *job_path;
        std::uint32_t job = 0;
        auto const more = need(sd_bus_message_read(reply.get(), "(ssssssouso)", &name, &doc, &load, &active, &sub,
                                                   &following, &path, &job, &job_type, &job_path),
                               "list of units");
        if (more == 0) return out;
        out[name] = {load, active, sub};
    }
}

std::map<std::string, std::string> Systemd::unit_files(std::vector<std::string> const& patterns,
                                                       Context const& context) {
    auto const message = bus_->make("ListUnitFilesByPatterns");
    put(message.get(), {});
    put(message.get(), patterns);
    auto const reply = bus_->call(message, context);
    std::map<std::string, std::string> out;
    need(sd_bus_message_enter_container(reply.get(), 'a', "(ss)"), "list of unit files");
    for (;;) {
        char const *path = nullptr, *state = nullptr;
        if (need(sd_bus_message_read(reply.get(), "(ss)", &path, &state), "list of unit files") == 0) return out;
        std::string_view const whole(path);
        out[std::string(whole.substr(whole.rfind('/') + 1))] = state;
    }
}

void Systemd::daemon_reload(Context const& context) { bus_->call(bus_->make("Reload"), context); }

void Systemd::enable(std::vector<std::string> const& units, Context const& context) {
    if (units.empty()) return;
    auto const message = bus_->make("EnableUnitFiles");
    put(message.get(), units);
    need(sd_bus_message_append(message.get(), "bb", 0, 0), "enable");
    bus_->call(message, context);
}

void Systemd::disable(std::vector<std::string> const& units, Context const& context) {
    if (units.empty()) return;
    auto const message = bus_->make("DisableUnitFiles");
    put(message.get(), units);
    need(sd_bus_message_append(message.get(), "b", 0), "disable");
    bus_->call(message, context);
}

std::map<std::string, std::string> Systemd::start(std::vector<std::string> const& units, Context const& context) {
    return bus_->jobs("StartUnit", units, context);
}

// A unit that is not loaded is stopped already.
std::map<std::string, std::string> Systemd::stop(std::vector<std::string> const& units, Context const& context) {
    auto failed = bus_->jobs("StopUnit", units, context);
    std::erase_if(failed, [](auto const& one) { return one.second == "no such unit"; });
    return failed;
}

std::map<std::string, std::string> Systemd::restart(std::vector<std::string> const& units, Context const& context) {
    return bus_->jobs("RestartUnit", units, context);
}

std::map<std::string, std::string> Systemd::reload(std::vector<std::string> const& units, Context const& context) {
    return bus_->jobs("ReloadUnit", units, context);
}

void Systemd::kill(std::string const& unit, int signal, Context const& context) {
    auto const message = bus_->make("KillUnit");
    need(sd_bus_message_append(message.get(), "ssi", unit.c_str(), "all", signal), "kill");
    bus_->call(message, context, true);
}

void Systemd::reset_failed(std::vector<std::string> const& units, Context const& context) {
    for (auto const& unit : units) {
        auto const message = bus_->make("ResetFailedUnit");
        need(sd_bus_message_append(message.get(), "s", unit.c_str()), "reset");
        bus_->call(message, context, true);
    }
}

namespace {

std::string number_or_text(sd_bus_message* value, char type) {
    union {
        std::uint64_t t;
        std::int64_t x;
        std::uint32_t u;
        std::int32_t i;
        std::uint16_t q;
        std::int16_t n;
        int b;
        char const* s;
    } out{};
    need(sd_bus_message_read_basic(value, type, &out), "property");
    switch (type) {
        case 't':
            return std::to_string(out.t);
        case 'x':
            return std::to_string(out.x);
        case 'u':
            return std::to_string(out.u);
        case 'i':
            return std::to_string(out.i);
        case 'q':
            return std::to_string(out.q);
        case 'n':
            return std::to_string(out.n);
        case 'b':
            return std::to_string(out.b);
        case 's':
        case 'o':
            return out.s;
        default:
            throw Fault("systemd: a property of an unknown type");
    }
}

}  // namespace

std::string Systemd::property(std::string const& unit, std::string const& interface, std::string const& name,
                              Context const& context) {
    char* encoded = nullptr;
    need(sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &encoded), "unit name");
    std::unique_ptr<char, void (*)(void*)> const path(encoded, std::free);
    bus_->open();
    sd_bus_message* made = nullptr;
    need(sd_bus_message_new_method_call(bus_->bus.get(), &made, service, path.get(), "org.freedesktop.DBus.Properties",
                                        "Get"),
         name);
    Message const message(made);
    // Put together in place: GCC 14 takes std::string(service) + "." + interface for an overrun.
    auto full = interface;
    if (full.find('.') == std::string::npos) full.insert(0, 1, '.').insert(0, service);
    need(sd_bus_message_append(message.get(), "ss", full.c_str(), name.c_str()), name);
    auto const reply = bus_->call(message, context);
    char const* contents = nullptr;
    char type = 0;
    need(sd_bus_message_peek_type(reply.get(), &type, &contents), name);
    need(sd_bus_message_enter_container(reply.get(), 'v', contents), name);
    return number_or_text(reply.get(), contents[0]);
}

}  // namespace genesis::host
