#pragma once

#include "schedulers/config.h"
#include "schedulers/schedule.h"

namespace sumi {

/// `steps` as the user counts them, without the first `begin`: a run from a picture begins later. Whatever a sampler
/// remembers from step to step begins empty there.
struct Run {
  Run(int steps_, int begin_ = 0) : steps(steps_), begin(begin_) {}

  int steps, begin;
};

/// The whole run of a sampler. Error(usage) for a number of steps that the sampler cannot do.
Schedule make_schedule(const SchedulerConfig& config, Run run);

/// One function a family, each in the file of its name.
Schedule make_ddim(const SchedulerConfig& config, Run run);
Schedule make_ddpm(const SchedulerConfig& config, Run run);
Schedule make_pndm(const SchedulerConfig& config, Run run);
Schedule make_euler(const SchedulerConfig& config, Run run);
Schedule make_heun(const SchedulerConfig& config, Run run);
Schedule make_lms(const SchedulerConfig& config, Run run);
Schedule make_dpm2(const SchedulerConfig& config, Run run);
Schedule make_dpm_multistep(const SchedulerConfig& config, Run run);
Schedule make_dpm_singlestep(const SchedulerConfig& config, Run run);
Schedule make_dpm_sde(const SchedulerConfig& config, Run run);
Schedule make_dpm_3m_sde(const SchedulerConfig& config, Run run);
Schedule make_unipc(const SchedulerConfig& config, Run run);
Schedule make_deis(const SchedulerConfig& config, Run run);
Schedule make_lcm(const SchedulerConfig& config, Run run);
Schedule make_tcd(const SchedulerConfig& config, Run run);

}  // namespace sumi
