//! A network whose inputs may have other shapes from one call to the next: a plan for each, made once and kept.

use std::sync::{Arc, Mutex, PoisonError};

use zeropoint::Backend;

use super::plan::{Limits, Plan};
use super::session::Session;
use super::shelf::Shelf;
use crate::error::{Error, Problems};
use crate::graph::Graph;
use crate::passes;

/// A network as it was read, and its plans. Plans of different shapes share the packed weights.
///
/// ```no_run
/// use zeropoint_runner::exec::{Limits, Model};
/// use zeropoint_runner::{formats::onnx, passes};
///
/// let graph = onnx::load("model.onnx".as_ref())?;
/// let model = Model::new(graph, passes::Options::default(), &zeropoint::Backend::best(), Limits::default());
/// let mut small = model.session(&[&[1, 3, 224, 224]], 1)?;
/// let mut large = model.session(&[&[4, 3, 320, 320]], 2)?;
/// small.run()?;
/// large.run()?;
/// # Ok::<(), zeropoint_runner::Error>(())
/// ```
pub struct Model {
    graph: Graph,
    options: passes::Options,
    backend: Backend,
    limits: Limits,
    shelf: Shelf,
    /// The plan that was used last comes last.
    plans: Mutex<Vec<(Shapes, Arc<Plan>)>>,
}

type Shapes = Vec<Option<Vec<usize>>>;

impl Model {
    /// The most plans that are kept. The one that was not asked for the longest goes first; sessions that have it keep it.
    pub const MOST_PLANS: usize = 8;

    /// A network that has not been through the passes.
    pub fn new(graph: Graph, options: passes::Options, backend: &Backend, limits: Limits) -> Self {
        Self { graph, options, backend: *backend, limits, shelf: Shelf::default(), plans: Mutex::default() }
    }

    /// The network as it was read.
    pub const fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The plan for inputs of these shapes, in their order; inputs without one are as [`Graph::set_input_shape`] says of
    /// those of which nothing was said. While it is made, others wait.
    pub fn plan<S: AsRef<[usize]>>(&self, shapes: &[S]) -> Result<Arc<Plan>, Error> {
        let inputs = &self.graph.inputs;
        if shapes.len() > inputs.len() {
            let message = format!("{} shapes for {} inputs", shapes.len(), inputs.len());
            return Err(Error::Tensor { name: "network".to_owned(), message });
        }
        let given: Vec<Option<&[usize]>> = (0..inputs.len())
            .map(|at| shapes.get(at).map(AsRef::as_ref).or(self.graph.tensor(inputs[at]).shape.as_deref()))
            .collect();
        let mut problems = Problems::default();
        let shapes = self.graph.input_shapes(&given, &mut problems);
        problems.into_result()?;

        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = match plans.iter().position(|(of, _)| *of == shapes) {
            Some(at) => plans.remove(at),
            None => {
                let plan = Arc::new(self.planned(&shapes)?);
                if plans.len() == Self::MOST_PLANS {
                    plans.remove(0);
                }
                (shapes, plan)
            }
        };
        let plan = Arc::clone(&entry.1);
        plans.push(entry);
        Ok(plan)
    }

    /// A session for inputs of these shapes, as [`Model::plan`] has it.
    pub fn session<S: AsRef<[usize]>>(&self, shapes: &[S], threads: usize) -> Result<Session, Error> {
        Session::new(self.plan(shapes)?, threads)
    }

    fn planned(&self, shapes: &Shapes) -> Result<Plan, Error> {
        let mut graph = self.graph.clone();
        for (at, shape) in shapes.iter().enumerate() {
            if let Some(shape) = shape {
                graph.set_input_shape(at, shape)?;
            }
        }
        passes::prepare(&mut graph, &self.options)?;
        Plan::with_shelf(graph, &self.backend, self.limits, Some(&self.shelf))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Constant, Data, Node, Op, Size, Tensor, Type};

    /// `y = x · [1, 2]` of any number of rows.
    fn graph() -> Graph {
        let mut graph = Graph::default();
        let mut x = Tensor { type_: Some(Type::U8), ..Tensor::named("x") };
        x.set_sizes(vec![Size::Open("rows".into()), Size::Fixed(2)]).unwrap();
        let x = graph.add(x);
        let b = Constant::new(vec![2, 1], Data::I8(vec![1, 2])).unwrap();
        let b = graph.add(Tensor::constant("b", b));
        let y = graph.add(Tensor::named("y"));
        graph.nodes.push(Node::new(Op::MatMulInteger, vec![Some(x), Some(b)], y));
        (graph.inputs, graph.outputs) = (vec![x], vec![y]);
        graph
    }

    #[test]
    fn plans_of_all_shapes_share_the_weights() {
        let model = Model::new(graph(), passes::Options::default(), &Backend::best(), Limits::default());
        for rows in 1..5usize {
            let mut session = model.session(&[[rows, 2]], 1).unwrap();
            session.input_mut::<u8>(0).unwrap().fill(3);
            session.run().unwrap();
            assert_eq!(session.output(0).unwrap().to_data(), Data::I32(vec![9; rows]));
        }
        assert_eq!(model.shelf.len(), 1);
    }
}
