#pragma once

#include "schedulers/config.h"
#include "schedulers/schedule.h"

namespace sumi {

/// The whole run of a sampler: `steps` as the user counts them. Error(usage) for a number that the sampler cannot do.
Schedule make_schedule(const SchedulerConfig& config, int steps);

/// One function a family, each in the file of its name.
Schedule make_ddim(const SchedulerConfig& config, int steps);
Schedule make_pndm(const SchedulerConfig& config, int steps);
Schedule make_euler(const SchedulerConfig& config, int steps);
Schedule make_dpm_multistep(const SchedulerConfig& config, int steps);
Schedule make_lcm(const SchedulerConfig& config, int steps);

}  // namespace sumi
