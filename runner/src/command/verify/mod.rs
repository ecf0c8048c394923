//! `zeropoint verify`

mod table;

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use zeropoint::Backend;

use self::table::{Form, Table};
use super::Ending;
use super::inputs::Inputs;
use super::options::{self, EveryTier, Preparing};
use super::random::{self, Random};
use crate::exec::{Session, TensorRef};
use crate::graph::{Data, Graph};
use crate::passes::{Semantics, layout};

#[derive(Args)]
pub(super) struct Verify {
    /// The models: ONNX files, or Paddle's programs or the folders that hold them.
    #[arg(required = true, value_name = "MODEL")]
    models: Vec<PathBuf>,
    #[command(flatten)]
    inputs: Inputs,
    #[command(flatten)]
    tiers: EveryTier,
    /// How many threads compute: each of these numbers in turn.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_values_t = [1, 2],
        value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Vec<u16>,
    #[command(flatten)]
    preparing: Preparing,
}

/// Sets of pseudo-random inputs that a network is run on if none are given.
const SETS: usize = 3;

impl Verify {
    pub(super) fn run(&self, out: &mut impl Write) -> Result<Ending> {
        let backends = self.tiers.backends()?;
        let (mut equal, mut broken) = (0, 0);
        for model in &self.models {
            match self.verify(model, &backends, out) {
                Ok(Ending::Equal) => equal += 1,
                Ok(Ending::Different) => {}
                // The other models are verified all the same.
                Err(error) if self.models.len() > 1 && !super::closed(&error) => {
                    broken += 1;
                    writeln!(out, "error: {error:#}")?;
                }
                Err(error) => return Err(error),
            }
        }
        let all = self.models.len();
        if all > 1 {
            writeln!(out, "{equal} of {all} models VERIFIED")?;
        }
        if broken > 0 {
            bail!("{broken} of {all} models could not be run");
        }
        Ok(if equal == all { Ending::Equal } else { Ending::Different })
    }

    fn verify(&self, model: &Path, backends: &[Backend], out: &mut impl Write) -> Result<Ending> {
        let mut file = options::read(model)?;
        self.inputs.give_shapes(model, &mut file, false)?;
        let asked = self.preparing.options();
        // What keeps every tensor of the file comes first: the others are compared with it.
        let forms = match asked.fuse {
            true => vec![(Form::Kept, asked.keep(true)), (Form::Fused, asked), (Form::Unfused, asked.fuse(false))],
            false => vec![(Form::Unfused, asked)],
        };
        let mut graphs: Vec<(Form, Graph)> = Vec::new();
        let mut missing = None;
        for (form, options) in forms {
            match options::prepare(model, file.clone(), &options) {
                Ok(graph) => graphs.push((form, graph)),
                // What is an operator on integers may be none that there is in float.
                Err(error) if form == Form::Unfused && asked.fuse => missing = Some(error),
                Err(error) => return Err(error),
            }
        }
        let Some((_, graph)) = graphs.first() else { bail!("{}: no form to run", model.display()) };
        let sets = self.sets(model, graph)?;

        let tiers: Vec<String> = backends.iter().map(|backend| backend.isa().to_string()).collect();
        let threads: Vec<String> = self.threads.iter().map(u16::to_string).collect();
        writeln!(out, "{}: tiers {}; threads {}", options::stem(model), tiers.join(", "), threads.join(", "))?;
        match self.inputs.is_empty() {
            true => writeln!(out, "inputs: {SETS} sets, {}", random::DESCRIPTION)?,
            false => writeln!(out, "inputs: as given")?,
        }

        let mut table = Table::new(open(&graphs));
        for inputs in &sets {
            table.begin();
            for (form, graph) in &graphs {
                for backend in backends {
                    let plan = options::plan(model, graph, backend)?;
                    for &threads in &self.threads {
                        let mut session = Session::new(plan.clone(), usize::from(threads))?;
                        let observed = observe(&mut session, inputs, *form, &mut table);
                        observed.with_context(|| match self.inputs.is_empty() {
                            true => format!("{} on pseudo-random inputs (--input gives others)", model.display()),
                            false => model.display().to_string(),
                        })?;
                    }
                }
            }
        }
        let literal = asked.semantics == Semantics::Literal;
        let both = asked.fuse && missing.is_none();
        table.write(out, both)?;
        if let Some(missing) = &missing {
            writeln!(out, "only fused: {missing:#}")?;
        }
        let (mut summary, equal) = table.verdict(both, literal);
        if missing.is_some() {
            summary += "; the unfused form cannot be run";
        }
        writeln!(out, "{}: {} {summary}", options::stem(model), if equal { "VERIFIED:" } else { "DIFFERS:" })?;
        Ok(if equal { Ending::Equal } else { Ending::Different })
    }

    fn sets(&self, model: &Path, graph: &Graph) -> Result<Vec<Vec<Data>>> {
        if self.inputs.is_empty() {
            let mut random = Random::default();
            return (0..SETS).map(|_| random.inputs(graph)).collect();
        }
        Ok(vec![self.inputs.read(model, graph, &mut |_| Ok(None))?])
    }
}

/// The tensors that lie below a float operator with an open result, in any of the forms.
fn open(forms: &[(Form, Graph)]) -> HashSet<String> {
    forms.iter().flat_map(|(_, graph)| graph.names_below_open()).map(str::to_owned).collect()
}

/// Runs once, and shows the table each tensor of the file that is made.
fn observe(session: &mut Session, inputs: &[Data], form: Form, table: &mut Table) -> Result<()> {
    for (index, data) in inputs.iter().enumerate() {
        session.set_input(index, data)?;
    }
    let made = session.plan().made().to_vec();
    let run = format!("{} with {} threads, {}", session.plan().isa(), session.threads(), form.name());
    session.run_observed(&mut |observed| {
        let made = &made[observed.index];
        let ordered = layout::in_c_order(observed.values, &made.shape, observed.layout);
        table.take(form, &run, made, ordered.as_ref().map_or(observed.values, TensorRef::from));
    })?;
    Ok(())
}
