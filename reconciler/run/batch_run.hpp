// One call of a driver, made on its thread: an observation, or a batch from intent to outcome.
#pragma once
#include "drivers/driver.hpp"
#include "reconciler/store/ledger.hpp"

namespace genesis {

// Steps for one driver, of one or several kinds, and what became of them.
struct BatchRun {
    std::vector<AnyStep> steps;  // those of one kind stand together, in the order in which kinds are made
    std::vector<std::string> causes;
    std::vector<Outcome> outcomes;                   // one a step, once the batch has ended
    std::vector<std::pair<Ref, Outcome>> elsewhere;  // what commit() found wrong with records that no step was about
    std::string fault;                               // why commit(), or the journal, failed as a whole
};

// Intent before, outcome after, one commit; throws nothing.
void run_batch(AnyDriver& driver, BatchRun& batch, Journal& journal, Context& context);

// Observes each kind; one that throws is unreachable.
Observation run_observation(AnyDriver& driver, std::map<std::string, Scope> const& scopes, Context& context);

}  // namespace genesis
