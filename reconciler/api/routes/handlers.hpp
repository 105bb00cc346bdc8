// The handlers that the table of routes names. They work for every kind of object.
#pragma once
#include "reconciler/api/routes/routes.hpp"

namespace genesis::handlers {

void put(Service const&, Call const&, Completion<Answer>);
Answer put_dry_run(Service const&, Call const&);
Answer get(Service const&, Call const&);
Answer list(Service const&, Call const&);
Answer cached_list(Service const&, Call const&);  // the same bytes as list()
Answer remove(Service const&, Call const&);
Answer remove_dry_run(Service const&, Call const&);
Answer reconcile(Service const&, Call const&);
Answer reconcile_all(Service const&, Call const&);
Answer pause(Service const&, Call const&);
Answer resume(Service const&, Call const&);
Answer adopt(Service const&, Call const&);
Answer take_over(Service const&, Call const&);
Answer pause_all(Service const&, Call const&);
Answer resume_all(Service const&, Call const&);
Answer credentials(Service const&, Call const&);

Answer keys(Service const&, Call const&);
Answer add_key(Service const&, Call const&);
Answer rotate_key(Service const&, Call const&);
Answer revoke_key(Service const&, Call const&);
Answer audit(Service const&, Call const&);

Answer plan(Service const&, Call const&);
Answer plan_all(Service const&, Call const&);
Answer drift(Service const&, Call const&);
Answer drift_all(Service const&, Call const&);
Answer history(Service const&, Call const&);
Answer history_all(Service const&, Call const&);
Answer events(Service const&, Call const&);
Answer info(Service const&, Call const&);
Answer healthz(Service const&, Call const&);
Answer readyz(Service const&, Call const&);
Answer metrics(Service const&, Call const&);
Answer description(Service const&, Call const&);

// The plan, waited for at most a minute. Throws Fault when the loop is stopping or does not answer in time.
Plan wait_for(std::future<Plan> plan);

}  // namespace genesis::handlers
