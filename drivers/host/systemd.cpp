// sd-bus behind the header: one private connection, calls with a deadline, jobs issued together and awaited together.
#include "drivers/host/systemd.hpp"

#include "drivers/host/bus_message.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <unordered_map>

namespace genesis::host {

namespace {

constexpr char const* service = "org.freedesktop.systemd1";
constexpr char const* object = "/org/freedesktop/systemd1";
constexpr char const* properties = "org.freedesktop.DBus.Properties";
constexpr char const* manager = "org.freedesktop.systemd1.Manager";
// How many jobs may be unfinished at once. systemd adds a match rule at the bus for each job's sender, and the bus
// allows it 512 (max_match_rules_per_connection): beyond that systemd loses its connection and its subscribers, and no
// job is ever seen to end. 128 replies may be outstanding for one connection (max_replies_per_connection).
constexpr std::size_t window = 64;
constexpr std::chrono::milliseconds glance{100};  // how soon a request to stop is noticed

struct BusError {
    sd_bus_error error = SD_BUS_ERROR_NULL;
    BusError() = default;
    BusError(BusError const&) = delete;
    BusError& operator=(BusError const&) = delete;
    ~BusError() { sd_bus_error_free(&error); }
};

std::string text_of(sd_bus_error const& error) {
    return error.message ? error.message : error.name ? error.name : "no reason given";
}
bool no_such_unit(sd_bus_error const& error) {
    return sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit") != 0;
}
constexpr char const* exists = "exists already";  // why a transient unit was not made

std::uint64_t microseconds_left(Context const& context) {
    context.check();
    return static_cast<std::uint64_t>(std::chrono::microseconds(context.left()).count());
}

// One unit's job: asked for, then answered with the job's path or an error.
struct Job {
    std::string unit, path, why;
    bool answered = false;
    Slot slot;

    static int on_reply(sd_bus_message* reply, void* self, sd_bus_error*) {
        auto& job = *static_cast<Job*>(self);
        job.answered = true;
        if (auto const* error = sd_bus_message_get_error(reply)) {
            bool const known = sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists") != 0;
            job.why = no_such_unit(*error) ? "no such unit" : known ? exists : text_of(*error);
        } else if (char const* path = nullptr; sd_bus_message_read(reply, "o", &path) >= 0) {
            job.path = path;
        } else {
            job.why = "an answer that makes no sense";
        }
        return 0;
    }
};

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
    // sd_bus_call() would wait for a bus that does not accept us for half a minute, whatever its deadline is.
    void until_ready(Context const& context) try {
        while (need(sd_bus_is_ready(bus.get()), "no connection") == 0) turn(context);
    } catch (Expired const&) {
        throw;
    } catch (Fault const&) {
        close();
        throw;
    }
    Message make(char const* member) {
        open();
        sd_bus_message* message = nullptr;
        need(sd_bus_message_new_method_call(bus.get(), &message, service, object, manager, member), member);
        return Message(message);
    }
    // Nothing when systemd answers that it has no such unit and `absent_is_fine`.
    Message call(Message const& message, Context const& context, bool absent_is_fine = false) {
        until_ready(context);
        BusError error;
        sd_bus_message* reply = nullptr;
        auto const result = sd_bus_call(bus.get(), message.get(), microseconds_left(context), &error.error, &reply);
        if (result >= 0) return Message(reply);
        if (absent_is_fine && no_such_unit(error.error)) return nullptr;
        auto const why = std::string(sd_bus_message_get_member(message.get())) + ": " + text_of(error.error);
        if (result == -ETIMEDOUT) throw Expired("systemd: " + why);  // the connection is as good as it was
        close();
        throw Fault("systemd: " + why);
    }
    // The object of a loaded unit; empty when it is not loaded.
    std::string path_of(std::string const& unit, Context const& context) {
        auto const message = make("GetUnit");
        need(sd_bus_message_append(message.get(), "s", unit.c_str()), "GetUnit");
        auto const reply = call(message, context, true);
        char const* path = "";
        if (reply) need(sd_bus_message_read(reply.get(), "o", &path), "GetUnit");
        return path;
    }
    // To be read from what is answered: the value of one property of a unit.
    Message property(std::string const& path, char const* name, char const* type, Context const& context,
                     char const* interface = "org.freedesktop.systemd1.Unit") {
        open();
        sd_bus_message* made = nullptr;
        need(sd_bus_message_new_method_call(bus.get(), &made, service, path.c_str(), properties, "Get"), name);
        Message const message(made);
        need(sd_bus_message_append(message.get(), "ss", interface, name), name);
        auto reply = call(message, context);
        need(sd_bus_message_enter_container(reply.get(), 'v', type), name);
        return reply;
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
    void turn(Context const& context, std::chrono::milliseconds most = glance) {
        context.check();
        auto const done = need(sd_bus_process(bus.get(), nullptr), "the connection broke");
        if (done > 0) return;
        auto const pause = std::clamp(context.left(), std::chrono::milliseconds(1), most);
        need(sd_bus_wait(bus.get(), static_cast<std::uint64_t>(std::chrono::microseconds(pause).count())), "wait");
    }
    using MakeCall = std::function<Message(std::size_t)>;  // the call that asks for the job of the unit at an index
    void ask(std::string const& unit, Message const& message, Job& job, Context const& context);
    MakeCall call_for(char const* verb, std::vector<std::string> const& units);
    std::size_t wait_for(std::vector<std::string> const& units, MakeCall const& make_call, Steady until,
                         Context const& context, JobsEnded& out);
    void ask_only(std::vector<std::string> const& units, std::size_t from, MakeCall const& make_call,
                  Context const& context, JobsEnded& out);
    JobsEnded jobs(std::vector<std::string> const& units, MakeCall const& make_call, Steady until,
                   Context const& context);
    std::map<std::string, std::string> jobs(char const* verb, std::vector<std::string> const& units,
                                            Context const& context) {
        return jobs(units, call_for(verb, units), Steady::max(), context).failed;
    }
};

void Systemd::Bus::ask(std::string const& unit, Message const& message, Job& job, Context const& context) {
    job.unit = unit;
    sd_bus_slot* slot = nullptr;
    need(sd_bus_call_async(bus.get(), &slot, message.get(), Job::on_reply, &job, microseconds_left(context)), "call");
    job.slot.reset(slot);
}

Systemd::Bus::MakeCall Systemd::Bus::call_for(char const* verb, std::vector<std::string> const& units) {
    return [this, verb, &units](std::size_t i) {
        auto message = make(verb);
        need(sd_bus_message_append(message.get(), "ss", units[i].c_str(), "replace"), verb);
        return message;
    };
}

// Until all have ended, or that moment has come. Returns how many were asked for, at most `window` of them unfinished
// at any moment.
std::size_t Systemd::Bus::wait_for(std::vector<std::string> const& units, MakeCall const& make_call, Steady until,
                                   Context const& context, JobsEnded& out) {
    subscribe(context);
    ended.clear();
    std::vector<Job> jobs(units.size());
    std::vector<Job const*> unfinished;
    auto const has_ended = [&](Job const& job) { return job.path.empty() || ended.contains(job.path); };
    auto const is_finished = [&](Job const* job) { return job->answered && has_ended(*job); };
    auto const is_answered = [](Job const* job) { return job->answered; };
    std::size_t sent = 0;
    while (sent < jobs.size() || !unfinished.empty()) {
        auto const left = std::chrono::ceil<std::chrono::milliseconds>(until - context.clock.steady());
        bool const over = left.count() <= 0;
        if (over && std::all_of(unfinished.begin(), unfinished.end(), is_answered)) break;
        for (; !over && sent < jobs.size() && unfinished.size() < window; ++sent) {
            ask(units[sent], make_call(sent), jobs[sent], context);
            unfinished.push_back(&jobs[sent]);
        }
        turn(context, std::clamp(left, std::chrono::milliseconds(1), glance));
        std::erase_if(unfinished, is_finished);
    }
    for (std::size_t i = 0; i < sent; ++i) {
        auto const& job = jobs[i];
        auto const result = job.path.empty() ? job.why : has_ended(job) ? ended.at(job.path) : "";
        if (result.empty())
            out.going_on.insert(job.unit);
        else if (result != "done" && result != "skipped")
            out.failed[job.unit] = result;
    }
    return sent;
}

// Each `window` on a connection of its own: systemd keeps its match rules for as long as who asked is there.
void Systemd::Bus::ask_only(std::vector<std::string> const& units, std::size_t from, MakeCall const& make_call,
                            Context const& context, JobsEnded& out) {
    while (from < units.size()) {
        close();
        std::vector<Job> jobs(std::min(window, units.size() - from));
        for (auto& job : jobs) {
            ask(units[from], make_call(from), job, context);
            ++from;
        }
        while (!std::all_of(jobs.begin(), jobs.end(), [](Job const& job) { return job.answered; })) turn(context);
        for (auto const& job : jobs)
            if (job.path.empty())
                out.failed[job.unit] = job.why;
            else
                out.going_on.insert(job.unit);
    }
    close();
}

JobsEnded Systemd::Bus::jobs(std::vector<std::string> const& units, MakeCall const& make_call, Steady until,
                             Context const& context) {
    JobsEnded out;
    if (units.empty()) return out;
    try {
        auto const sent = wait_for(units, make_call, until, context, out);
        if (sent < units.size() || !out.going_on.empty()) ask_only(units, sent, make_call, context, out);
        return out;
    } catch (Fault const&) {
        close();
        throw;
    }
}

Systemd::Systemd() : bus_(std::make_unique<Bus>()) {}
Systemd::Systemd(Systemd&&) noexcept = default;
Systemd& Systemd::operator=(Systemd&&) noexcept = default;
Systemd::~Systemd() = default;

std::vector<UnitStatus> Systemd::list(std::vector<std::string> const& patterns, Context const& context,
                                      std::vector<std::string> const& states) {
    auto const message = bus_->make("ListUnitsByPatterns");
    put(message.get(), states);
    put(message.get(), patterns);
    auto const reply = bus_->call(message, context);
    std::vector<UnitStatus> out;
    need(sd_bus_message_enter_container(reply.get(), 'a', "(ssssssouso)"), "list of units");
    for (;;) {
        char const *name, *doc, *load, *active, *sub, *following, *path, *job_type, *job_path;
        std::uint32_t job = 0;
        auto const more = need(sd_bus_message_read(reply.get(), "(ssssssouso)", &name, &doc, &load, &active, &sub,
                                                   &following, &path, &job, &job_type, &job_path),
                               "list of units");
        if (more == 0) return out;
        out.push_back({name, doc, active, sub});
    }
}

std::map<std::string, std::string> Systemd::loaded(std::vector<std::string> const& units,
                                                   std::vector<std::string> const& patterns, Context const& context,
                                                   Inactive inactive) {
    constexpr std::size_t few = 64;
    std::map<std::string, std::string> out;
    if (units.size() > few) {
        std::vector<std::string> states;  // all of them
        if (inactive == Inactive::left_out)
            states = {"active",     "reloading",    "refreshing", "failed",
                      "activating", "deactivating", "maintenance"};  // org.freedesktop.systemd1(5), without inactive
        std::unordered_map<std::string, std::string> all;
        for (auto& unit : list(patterns, context, states)) all.emplace(std::move(unit.name), std::move(unit.active));
        for (auto const& unit : units)
            if (auto const found = all.find(unit); found != all.end()) out.insert(*found);
        return out;
    }
    for (auto const& unit : units) {
        auto const path = bus_->path_of(unit, context);
        if (path.empty()) continue;
        char const* active = nullptr;
        auto const reply = bus_->property(path, "ActiveState", "s", context);
        need(sd_bus_message_read(reply.get(), "s", &active), "ActiveState");
        if (inactive == Inactive::listed || std::string_view(active) != "inactive") out[unit] = active;
    }
    return out;
}

bool Systemd::needs_reload(std::string const& unit, Context const& context) {
    auto const path = bus_->path_of(unit, context);
    if (path.empty()) return false;
    int needed = 0;
    auto const reply = bus_->property(path, "NeedDaemonReload", "b", context);
    need(sd_bus_message_read(reply.get(), "b", &needed), "NeedDaemonReload");
    return needed != 0;
}

void Systemd::daemon_reload(Context const& context) { bus_->call(bus_->make("Reload"), context); }

std::map<std::string, std::string> Systemd::start(std::vector<std::string> const& units, Context const& context) {
    return bus_->jobs("StartUnit", units, context);
}

// A unit that is not loaded is stopped already.
std::map<std::string, std::string> Systemd::stop(std::vector<std::string> const& units, Context const& context) {
    auto failed = bus_->jobs("StopUnit", units, context);
    std::erase_if(failed, [](auto const& one) { return one.second == "no such unit"; });
    return failed;
}

JobsEnded Systemd::stop(std::vector<std::string> const& units, std::chrono::milliseconds longest,
                        Context const& context) {
    auto const until = context.clock.steady() + longest;
    auto out = bus_->jobs(units, bus_->call_for("StopUnit", units), until, context);
    std::erase_if(out.failed, [](auto const& one) { return one.second == "no such unit"; });
    return out;
}

std::map<std::string, std::string> Systemd::restart(std::vector<std::string> const& units, Context const& context) {
    return bus_->jobs("RestartUnit", units, context);
}

std::map<std::string, std::string> Systemd::reload(std::vector<std::string> const& units, Context const& context) {
    return bus_->jobs("ReloadUnit", units, context);
}

std::map<std::string, std::string> Systemd::start(std::vector<TransientService> const& services,
                                                  Context const& context) {
    std::vector<std::string> units;
    for (auto const& service : services) units.push_back(service.unit);
    auto const make_call = [&](std::size_t i) {
        auto message = bus_->make("StartTransientUnit");
        put_service(message.get(), services[i]);
        return message;
    };
    auto failed = bus_->jobs(units, make_call, Steady::max(), context).failed;
    std::erase_if(failed, [](auto const& one) { return one.second == exists; });
    return failed;
}

ServiceResult Systemd::result_of(std::string const& unit, Context const& context) {
    constexpr char const* interface = "org.freedesktop.systemd1.Service";
    auto const path = bus_->path_of(unit, context);
    if (path.empty()) return {};
    ServiceResult out;
    char const* result = nullptr;
    auto reply = bus_->property(path, "Result", "s", context, interface);
    need(sd_bus_message_read(reply.get(), "s", &result), "Result");
    out.result = result;
    reply = bus_->property(path, "ExecMainStatus", "i", context, interface);
    need(sd_bus_message_read(reply.get(), "i", &out.status), "ExecMainStatus");
    std::uint64_t started = 0;
    reply = bus_->property(path, "ExecMainStartTimestamp", "t", context, interface);
    need(sd_bus_message_read(reply.get(), "t", &started), "ExecMainStartTimestamp");
    out.started = Time(std::chrono::floor<std::chrono::milliseconds>(std::chrono::microseconds(started)));
    return out;
}

void Systemd::reset_failed(std::vector<std::string> const& units, Context const& context) {
    for (auto const& unit : units) {
        auto const message = bus_->make("ResetFailedUnit");
        need(sd_bus_message_append(message.get(), "s", unit.c_str()), "reset");
        bus_->call(message, context, true);
    }
}

}  // namespace genesis::host
