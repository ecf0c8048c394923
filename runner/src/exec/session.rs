//! A network that runs: a plan, its memory and its threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use half::{bf16, f16};
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::memory::{Bytes, Memory, MemoryMut, zeroed};
use super::plan::{Plan, Planned};
use crate::error::Error;
use crate::graph::constant::each_type;
use crate::graph::{Data, Element, Layout, TensorId, Type};

/// A network with its memory. [`Session::run`] allocates nothing.
pub struct Session {
    plan: Arc<Plan>,
    arena: Bytes,
    scratch: Bytes,
    threads: usize,
    pool: Option<Arc<ThreadPool>>,
}

/// The most threads that a session takes: more is a slip of the pen.
const MOST_THREADS: usize = 1024;

/// Elements of a tensor, of one of the types that there are.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum TensorRef<'a> {
    /// Conditions: 0 or 1.
    Bool(&'a [u8]),
    /// Unsigned 4 bits, a value a byte.
    U4(&'a [u8]),
    /// Signed 4 bits, a value a byte.
    I4(&'a [i8]),
    /// Unsigned 8 bits.
    U8(&'a [u8]),
    /// Signed 8 bits.
    I8(&'a [i8]),
    /// Unsigned 16 bits.
    U16(&'a [u16]),
    /// Signed 16 bits.
    I16(&'a [i16]),
    /// Signed 32 bits.
    I32(&'a [i32]),
    /// Signed 64 bits.
    I64(&'a [i64]),
    /// binary16.
    F16(&'a [f16]),
    /// The upper half of a binary32.
    BF16(&'a [bf16]),
    /// binary32.
    F32(&'a [f32]),
}

/// Runs an expression with the slice of whichever type it is.
macro_rules! each_slice {
    ($tensor:expr, $values:ident => $body:expr) => {
        match $tensor {
            $crate::exec::TensorRef::Bool($values) => $body,
            $crate::exec::TensorRef::U4($values) => $body,
            $crate::exec::TensorRef::I4($values) => $body,
            $crate::exec::TensorRef::U8($values) => $body,
            $crate::exec::TensorRef::I8($values) => $body,
            $crate::exec::TensorRef::U16($values) => $body,
            $crate::exec::TensorRef::I16($values) => $body,
            $crate::exec::TensorRef::I32($values) => $body,
            $crate::exec::TensorRef::I64($values) => $body,
            $crate::exec::TensorRef::F16($values) => $body,
            $crate::exec::TensorRef::BF16($values) => $body,
            $crate::exec::TensorRef::F32($values) => $body,
        }
    };
}
#[cfg(feature = "command")]
pub(crate) use each_slice;

impl<'a> From<&'a Data> for TensorRef<'a> {
    fn from(data: &'a Data) -> Self {
        match data {
            Data::Bool(values) => Self::Bool(values),
            Data::U4(values) => Self::U4(values),
            Data::I4(values) => Self::I4(values),
            Data::U8(values) => Self::U8(values),
            Data::I8(values) => Self::I8(values),
            Data::U16(values) => Self::U16(values),
            Data::I16(values) => Self::I16(values),
            Data::I32(values) => Self::I32(values),
            Data::I64(values) => Self::I64(values),
            Data::F16(values) => Self::F16(values),
            Data::BF16(values) => Self::BF16(values),
            Data::F32(values) => Self::F32(values),
        }
    }
}

impl<'a> TensorRef<'a> {
    /// The elements' bytes, as they are in memory.
    pub fn bytes(&self) -> &'a [u8] {
        each_slice!(self, values => bytemuck::cast_slice(values))
    }

    /// The elements, of the caller's own.
    pub fn to_data(&self) -> Data {
        match self {
            Self::Bool(values) => Data::Bool(values.to_vec()),
            Self::U4(values) => Data::U4(values.to_vec()),
            Self::I4(values) => Data::I4(values.to_vec()),
            Self::U8(values) => Data::U8(values.to_vec()),
            Self::I8(values) => Data::I8(values.to_vec()),
            Self::U16(values) => Data::U16(values.to_vec()),
            Self::I16(values) => Data::I16(values.to_vec()),
            Self::I32(values) => Data::I32(values.to_vec()),
            Self::I64(values) => Data::I64(values.to_vec()),
            Self::F16(values) => Data::F16(values.to_vec()),
            Self::BF16(values) => Data::BF16(values.to_vec()),
            Self::F32(values) => Data::F32(values.to_vec()),
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        each_slice!(self, values => values.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A tensor just after it was made.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// Its index among [`Plan::made`].
    pub index: usize,
    /// The elements, in the memory order `layout`.
    pub values: TensorRef<'a>,
    /// The order of the elements.
    pub layout: Layout,
}

impl Session {
    /// Memory and threads for a plan. One thread is the caller's own.
    pub fn new(plan: impl Into<Arc<Plan>>, threads: usize) -> Result<Self, Error> {
        if threads == 0 || threads > MOST_THREADS {
            return Err(Error::Threads(format!("{threads}, expected 1 to {MOST_THREADS}")));
        }
        let pool = match threads {
            1 => None,
            _ => {
                let pool = ThreadPoolBuilder::new().num_threads(threads).build();
                let pool = pool.map_err(|error| Error::Threads(error.to_string()))?;
                // A thread that has not started yet would allocate what rayon keeps for it during the first run.
                pool.broadcast(|_| ());
                Some(Arc::new(pool))
            }
        };
        let plan = plan.into();
        let scratch = plan.scratch_len(threads)?;
        let (arena, scratch) = (zeroed(plan.memory())?, zeroed(scratch)?);
        Ok(Self { plan, arena, scratch, threads, pool })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How many threads compute.
    pub const fn threads(&self) -> usize {
        self.threads
    }

    /// The elements of an input, in C order of its shape. They stay as they are over runs.
    pub fn input_mut<T: Element>(&mut self, index: usize) -> Result<&mut [T], Error> {
        let id = find(self.plan.inputs(), index, "input")?;
        self.expect(id, T::TYPE)?;
        Ok(MemoryMut::new(self.plan.homes(), &mut self.arena).into_written(id))
    }

    /// Fills an input with elements of its own type, in C order of its shape.
    pub fn set_input(&mut self, index: usize, data: &Data) -> Result<(), Error> {
        let id = find(self.plan.inputs(), index, "input")?;
        let wrong = |message| Error::Tensor { name: self.plan.name(id).to_owned(), message };
        let expected = self.plan.type_(id);
        if data.type_() != expected {
            return Err(wrong(format!("is {expected}, not {}", data.type_())));
        }
        let elements = self.tensor(id).len();
        if data.len() != elements {
            return Err(wrong(format!("has {elements} elements, not {}", data.len())));
        }
        let memory = MemoryMut::new(self.plan.homes(), &mut self.arena);
        each_type!(data, values => memory.into_written(id).copy_from_slice(values));
        Ok(())
    }

    /// The elements of an input, in C order of its shape.
    pub fn input(&self, index: usize) -> Result<TensorRef<'_>, Error> {
        find(self.plan.inputs(), index, "input").map(|id| self.tensor(id))
    }

    /// The elements of an output after a run, in C order of its shape.
    pub fn output(&self, index: usize) -> Result<TensorRef<'_>, Error> {
        find(self.plan.outputs(), index, "output").map(|id| self.tensor(id))
    }

    /// Computes the outputs. With more than one thread this wakes them; in a loop, [`Session::install`] does so once.
    pub fn run(&mut self) -> Result<(), Error> {
        self.install(|session| session.steps(|_, _| {}))
    }

    /// Like [`Session::run`], and shows each tensor of the file that is made, in the order of the graph.
    pub fn run_observed(&mut self, observer: &mut (dyn FnMut(Observed<'_>) + Send)) -> Result<(), Error> {
        self.install(|session| {
            let plan = session.plan.clone();
            session.steps(|step, memory| {
                for &(id, index) in &step.made {
                    observer(Observed { index, values: memory.tensor(id, plan.type_(id)), layout: plan.layout(id) });
                }
            })
        })
    }

    /// Like [`Session::run`], and tells how long each node of [`Plan::computed`] took, by its place there.
    pub fn run_timed(&mut self, observer: &mut (dyn FnMut(usize, Duration) + Send)) -> Result<(), Error> {
        self.install(|session| {
            let mut computed = 0;
            let mut start = Instant::now();
            session.steps(|step, _| {
                if step.run.is_some() {
                    observer(computed, start.elapsed());
                    computed += 1;
                    start = Instant::now();
                }
            })
        })
    }

    /// Runs `body` on the session's threads: runs in there start at once.
    ///
    /// The queue by which work enters a pool of threads grows by a small allocation every few dozen entries, which
    /// is the only one there is; runs in `body` do not enter again.
    pub fn install<R: Send>(&mut self, body: impl FnOnce(&mut Self) -> R + Send) -> R {
        match self.pool.clone() {
            Some(pool) => pool.install(|| body(self)),
            None => body(self),
        }
    }

    /// Runs each step, and shows it together with what is in memory behind it.
    fn steps(&mut self, mut behind: impl FnMut(&Planned, Memory<'_>)) -> Result<(), Error> {
        let Self { plan, arena, scratch, threads, .. } = self;
        for step in plan.steps() {
            if let Some(run) = &step.run {
                let mut memory = MemoryMut::new(plan.homes(), arena);
                let context = super::ops::Context { memory: &mut memory, scratch, threads: *threads };
                run.run(context).map_err(|message| Error::Run { node: step.label.clone(), message })?;
            }
            behind(step, Memory::new(plan.homes(), arena));
        }
        Ok(())
    }

    fn tensor(&self, id: TensorId) -> TensorRef<'_> {
        Memory::new(self.plan.homes(), &self.arena).tensor(id, self.plan.type_(id))
    }

    fn expect(&self, id: TensorId, type_: Type) -> Result<(), Error> {
        let expected = self.plan.type_(id);
        if expected.storage() == type_ {
            return Ok(());
        }
        let message = format!("is {expected}, not {type_}");
        Err(Error::Tensor { name: self.plan.name(id).to_owned(), message })
    }
}

fn find(ids: &[TensorId], index: usize, what: &str) -> Result<TensorId, Error> {
    ids.get(index).copied().ok_or_else(|| Error::Tensor {
        name: format!("{what} {index}"),
        message: format!("the network has {} {what}s", ids.len()),
    })
}
