// The end of a history: faults end, nothing more is asked for, and all that was asked for must come to be.
#include "tests/simulation/history.hpp"

namespace genesis::simulation {
namespace {

using namespace std::chrono_literals;

constexpr int rounds_most = 2000;

}  // namespace

// First without a full pass, so that nothing makes up for a wake that was lost; then with one, which finds what was
// done by hand; then with another, which finds nothing to do.
void History::end() try {
    note("the end: faults are over");
    end_faults();
    auto& store = stage_.disk.store();
    if (!rest()) return;
    laws_.check_converged(*daemon_, store, false);
    if (!verdict_.good()) return;
    note("the end: all is looked at");
    for (auto const& [ref, known] : std::map<Ref, Laws::Known>(laws_.known()))
        if (ref.kind == "account") (void)store.confirm_removals(ref);
    move_clock(24h * 8);  // every grace has passed
    daemon_->reconciler.wake_all(true);
    if (!rest()) return;
    laws_.check_converged(*daemon_, store, true);
    laws_.check_stored(*daemon_, store);
    if (!verdict_.good()) return;
    note("the end: all is looked at once more");
    auto const steps = machine_.steps;
    daemon_->reconciler.wake_all(false);
    if (rest() && machine_.steps != steps) verdict_.broken("a converged machine was changed");
} catch (std::exception const& error) {
    verdict_.broken(std::string("a defect: ") + error.what());
}

void History::end_faults() {
    disk_full_ = false;
    stage_.disk.writes(true);
    nature_ = {};
    machine_.remove_unmanaged();
    resume_everything();
    while (wake()) continue;
}

// What was refused is refused until its spec changes, or until an operator asks for a retry: the node has no spec.
void History::resume_everything() {
    auto& store = stage_.disk.store();
    if (Ref const node{"node", "local"}; machine_.refused().contains(node)) daemon_->reconciler.wake(node, true);
    for (auto const& entry : std::map<Ref, Laws::Known>(laws_.known())) {
        auto const& ref = entry.first;
        auto const& known = entry.second;
        if (known.object.paused) change(ref, "resume " + ref.str(), [&] { (void)store.set_paused(ref, false); });
        if (!machine_.refused().contains(ref)) continue;
        if (known.object.terminating) continue;
        auto spec = known.object.spec;
        spec["contact"] = "changed@" + ref.key + ".example";
        PutRequest request;
        request.ref = ref;
        request.spec = [&](Object const*, auto const&) -> Stored<json::object> { return spec; };
        change(ref, "change " + ref.str() + ", of which something was refused", [&] { (void)store.put(request); });
    }
}

// Until nothing is due any more. False, and the law is broken, where that does not happen.
bool History::rest() {
    for (int round = 0; round < rounds_most && verdict_.good(); ++round) {
        run_calls();
        while (end_work()) continue;
        hear();
        laws_.check(*daemon_, stage_.disk.store());
        settle_questions();
        if (!daemon_->calls.to_execute().empty() || !daemon_->calls.to_answer().empty()) continue;
        auto const next = daemon_->reconciler.next_timer() - stage_.clock.steady();
        if (next > 1h) return verdict_.good();
        move_clock(std::max<Steady::duration>(next, 1ms));
        hear();
    }
    verdict_.broken("it does not come to rest");
    return false;
}

}  // namespace genesis::simulation
