//! Runs the experiments of `scripts/faults`: each breaks something while payments are made, and checks what is left.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use florin_tests::faults::{EXPERIMENTS, Experiment, Plan, Report};

/// Breaks something while payments are made, and checks what is left.
#[derive(Debug, Parser)]
#[command(name = "faults")]
struct Arguments {
    /// Which experiments; all of them when none is named.
    names: Vec<String>,
    /// How many faults or payments each has, instead of the count it is meant for.
    #[arg(long)]
    count: Option<usize>,
    /// Divides the count that each is meant for.
    #[arg(long, default_value_t = 1)]
    divide: usize,
    /// From which all choices follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How long everything may take to settle after the last fault, in seconds.
    #[arg(long, default_value_t = 60)]
    settle: u64,
    /// Leave out the controls, which plant a bug and have to find it.
    #[arg(long)]
    no_controls: bool,
    /// Only the controls.
    #[arg(long)]
    only_controls: bool,
    /// Only list the experiments, with their counts and controls.
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let chosen: Vec<&Experiment> = match arguments.names.as_slice() {
        [] => EXPERIMENTS.iter().collect(),
        names => {
            let find = |name: &String| EXPERIMENTS.iter().find(|experiment| experiment.name == name);
            let found: Vec<_> = names.iter().filter_map(find).collect();
            if found.len() < names.len() {
                eprintln!("there is no such experiment; --list shows them");
                return ExitCode::from(2);
            }
            found
        }
    };
    if arguments.list {
        for experiment in chosen {
            let controls: Vec<&str> = experiment.controls.iter().map(|control| control.bug).collect();
            say(&format!(
                "{:<18} {:>6}  {} (controls: {})",
                experiment.name,
                experiment.count,
                experiment.what,
                controls.join(", ")
            ));
        }
        return ExitCode::SUCCESS;
    }
    let (mut passed, mut failed) = (0, 0);
    for experiment in chosen {
        for is_good in run(experiment, &arguments) {
            *(if is_good { &mut passed } else { &mut failed }) += 1;
        }
    }
    say(&format!("\n{passed} passed, {failed} failed"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs an experiment and its controls, and says of each whether it went as it should.
fn run(experiment: &Experiment, arguments: &Arguments) -> Vec<bool> {
    let count = arguments.count.unwrap_or(experiment.count.div_ceil(arguments.divide.max(1)));
    let plan = Plan { seed: arguments.seed, count, settle_seconds: arguments.settle, bug: None };
    let mut verdicts = Vec::new();
    if !arguments.only_controls {
        let report = carry_out(experiment, &plan, &format!("{} x {count}", experiment.name));
        verdicts.push(report.is_some_and(|report| report.violations.is_empty()));
    }
    if !arguments.no_controls {
        for control in experiment.controls {
            // What a bug leaves open stays open: there is no use in waiting for it.
            let plan = Plan {
                bug: Some(control.bug),
                count: control.count,
                settle_seconds: control.settle_seconds,
                ..plan.clone()
            };
            let title = format!("{} x {}, control: {}", experiment.name, control.count, control.bug);
            let report = carry_out(experiment, &plan, &title);
            let has_shown = report.is_some_and(|report| control.has_shown(&report));
            say(&format!(
                "  the control {}",
                if has_shown { "shows it" } else { "DID NOT SHOW what it should" }
            ));
            verdicts.push(has_shown);
        }
    }
    verdicts
}

/// Runs it once; none when it could not be carried out.
fn carry_out(experiment: &Experiment, plan: &Plan, title: &str) -> Option<Report> {
    say(&format!("\n== {title}, seed {}", plan.seed));
    let began = Instant::now();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads can be started");
    let carried_out =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on((experiment.run)(plan))));
    runtime.shutdown_background();
    let Ok(report) = carried_out else {
        say("  the experiment itself broke");
        return None;
    };
    say(&format!("{report}"));
    say(&format!("  {} violations, {} s", report.violations.len(), began.elapsed().as_secs()));
    Some(report)
}

#[expect(clippy::print_stdout, reason = "this program's output is its report")]
fn say(text: &str) {
    println!("{text}");
}
