//! Products and convolutions: whole, part by part and on threads, into memory filled with one byte and then with another.

use std::convert::identity;
use std::sync::OnceLock;

use rayon::{ThreadPool, ThreadPoolBuilder};
use zeropoint::{
    Backend, Conv3dPlan, ConvPlan, Error, Filter, GemmPlan, ImagesMut, ImagesRef, MatMulPlan, MatMut, MatRef,
    Output as Out, PackedWeights, Param, ProductOptions, Requantization, Rule, RunParameters, Scales,
    TransposedConv3dPlan, View, ViewMut, Window,
};
use zeropoint_kernels::reference::{self, Value};

use crate::Difference;
use crate::case::{Conv, Element, End, Gemm, Layout, MatMul, Values, ZeroPointsOf};
use crate::memory::{Operand, Output};
use crate::random::Random;
use crate::rules::ByRule;

/// Types that a case's values may have.
pub(crate) trait Int: zeropoint::Int8 + Value + std::fmt::Debug + PartialEq {}
impl Int for u8 {}
impl Int for i8 {}

/// Draws values of a type.
pub(crate) fn draw<T: Int>(random: &mut Random, values: Values, count: usize) -> Vec<T> {
    let (low, high) = T::RANGE;
    (0..count)
        .map(|_| {
            T::from_value(match values {
                Values::Uniform => random.within(low, high),
                Values::Extreme => random.of(&[low, low.max(-1), 0, 1, high]),
            })
        })
        .collect()
}

pub(crate) fn zero_points(random: &mut Random, of: ZeroPointsOf, (low, high): (i32, i32), count: usize) -> Vec<i32> {
    (0..count)
        .map(|_| match of {
            ZeroPointsOf::All(zero) => zero,
            ZeroPointsOf::Each => random.of(&[low, low + 1, 0, 1, high, (low + high) / 2]),
        })
        .collect()
}

pub(crate) fn param(of: ZeroPointsOf, each: &[i32]) -> Param<'_, i32> {
    match of {
        ZeroPointsOf::All(zero) => Param::All(zero),
        ZeroPointsOf::Each => Param::Each(each),
    }
}

/// Parameters of an end, for a number of columns, with what they make of an accumulator.
pub(crate) struct Ends {
    end: End,
    multipliers: Vec<f32>,
    zero_point: i32,
    clamp: (i32, i32),
    float_bias: Vec<f32>,
    by_rule: Option<ByRule>,
    columns: usize,
}

impl Ends {
    pub(crate) fn new(random: &mut Random, end: End, columns: usize, depth: usize) -> Self {
        // Accumulators spread about this far.
        let spread = 90.0 * 90.0 * (depth.max(1) as f32).sqrt();
        let multipliers = (0..columns)
            .map(|_| match end {
                End::Ties(_) => 0.5f32.powi(random.within(1, 12)),
                End::Beyond(_) => 2.0f32.powi(random.within(-8, 100)) / 3.0,
                _ => (random.within(1, 1000) as f32 / 500.0) * 100.0 / spread,
            })
            .collect::<Vec<_>>();
        let (zero_point, clamp) = match end {
            End::Bytes(element) | End::Beyond(element) => {
                (random.within(element.range().0, element.range().1), element.range())
            }
            End::Ties(element) => {
                let (low, high) = element.range();
                let first = random.within(low, high);
                (random.of(&[low, low + 1, high, 1]), (first, random.within(first, high)))
            }
            _ => (0, (0, 0)),
        };
        let float_bias = (0..columns).map(|_| random.within(-1000, 1000) as f32 / 7.0).collect();
        let by_rule = match end {
            End::Rule(element) => {
                let rule = random.of(Rule::ALL);
                Some(ByRule::draw(random, rule, element, columns, spread))
            }
            _ => None,
        };
        Self { end, multipliers, zero_point, clamp, float_bias, by_rule, columns }
    }

    pub(crate) fn output(&self) -> Result<Out<'_>, Error> {
        if let Some(by_rule) = &self.by_rule {
            return Ok(Out::Requantized(by_rule.requantization(self.columns)?));
        }
        Ok(match self.end {
            End::I32 | End::Rule(_) => Out::I32,
            End::Bytes(element) => {
                let all = Scales::All(self.multipliers.first().copied().unwrap_or(1.0));
                Out::Requantized(Requantization::from_multipliers(all, element.type_(), self.zero_point)?)
            }
            End::Ties(element) => Out::Requantized(
                Requantization::from_multipliers(Scales::Each(&self.multipliers), element.type_(), self.zero_point)?
                    .with_clamp(self.clamp.0, self.clamp.1)?,
            ),
            End::Beyond(element) => Out::Requantized(Requantization::from_multipliers(
                Scales::Each(&self.multipliers),
                element.type_(),
                self.zero_point,
            )?),
            End::F32 { bias } => {
                Out::Dequantized { scales: Scales::Each(&self.multipliers), bias: bias.then_some(&self.float_bias[..]) }
            }
        })
    }

    /// The output of a plan whose scales come with each run, where that may be.
    fn dynamic(&self) -> Option<Out<'static>> {
        match self.end {
            End::I32 => Some(Out::I32),
            End::F32 { .. } => Some(Out::F32),
            _ => None,
        }
    }

    /// Those of a run, whose input has a scale too, and what results are expected by.
    fn of_run(&self, zero_point: i32, scale: f32) -> (RunParameters<'_>, Self) {
        let bias = matches!(self.end, End::F32 { bias: true }).then_some(Param::Each(&self.float_bias[..]));
        let by = RunParameters { zero_point, scale, scales: Scales::Each(&self.multipliers), bias };
        let multipliers = self.multipliers.iter().map(|multiplier| scale * multiplier).collect();
        let float_bias = self.float_bias.clone();
        let &Self { end, zero_point, clamp, columns, .. } = self;
        (by, Self { end, multipliers, zero_point, clamp, float_bias, by_rule: None, columns })
    }

    fn byte(&self, acc: i32, column: usize) -> i32 {
        if let Some(by_rule) = &self.by_rule {
            return by_rule.value(acc, column);
        }
        let multiplier = if matches!(self.end, End::Bytes(_)) { self.multipliers[0] } else { self.multipliers[column] };
        reference::requantize(acc, multiplier, self.zero_point, self.clamp)
    }

    fn float(&self, acc: i32, column: usize) -> f32 {
        let scaled = acc as f32 * self.multipliers[column];
        if let End::F32 { bias: true } = self.end { scaled + self.float_bias[column] } else { scaled }
    }
}

/// A plan of any kind, as a check runs it.
pub(crate) trait Plan<A, const R: usize> {
    fn kernel(&self) -> &'static str;
    fn scratch_len(&self) -> usize;
    fn whole<O: zeropoint::Element>(
        &self,
        a: View<'_, A, R>,
        out: ViewMut<'_, O, R>,
        scratch: &mut [u8],
    ) -> Result<(), Error>;
    /// Part by part, the last one first; nothing if the plan has no parts.
    fn parts<O: zeropoint::Element>(&self, a: View<'_, A, R>, out: ViewMut<'_, O, R>) -> Result<bool, Error>;
    /// On the threads of the current pool; nothing if the plan has no parts.
    fn threads<O: zeropoint::Element>(
        &self,
        a: View<'_, A, R>,
        out: ViewMut<'_, O, R>,
        scratch: &mut [u8],
    ) -> Result<(), Error>;
}

/// Threads of a run: no power of two, so that halves of them differ.
const THREADS: usize = 3;

/// The threads that runs share.
pub(crate) fn pool() -> &'static ThreadPool {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    POOL.get_or_init(|| ThreadPoolBuilder::new().num_threads(THREADS).build().expect("threads"))
}

/// A plan with parts, which takes what two functions make of operand and result.
macro_rules! plan_with_parts {
    ($plan:ty, $rank:literal, $operand:path, $result:path) => {
        impl<A: Int> Plan<A, $rank> for $plan {
            fn kernel(&self) -> &'static str {
                self.kernel()
            }
            fn scratch_len(&self) -> usize {
                self.scratch_len()
            }
            fn whole<O: zeropoint::Element>(
                &self,
                a: View<'_, A, $rank>,
                out: ViewMut<'_, O, $rank>,
                scratch: &mut [u8],
            ) -> Result<(), Error> {
                self.run($operand(a), $result(out), scratch)
            }
            fn parts<O: zeropoint::Element>(
                &self,
                a: View<'_, A, $rank>,
                out: ViewMut<'_, O, $rank>,
            ) -> Result<bool, Error> {
                let mut parts = self.split($result(out))?.collect::<Vec<_>>();
                parts.reverse();
                for part in parts {
                    self.run_part($operand(a), part, &mut vec![0x5a; self.scratch_len()])?;
                }
                Ok(true)
            }
            fn threads<O: zeropoint::Element>(
                &self,
                a: View<'_, A, $rank>,
                out: ViewMut<'_, O, $rank>,
                scratch: &mut [u8],
            ) -> Result<(), Error> {
                let (a, out) = ($operand(a), $result(out));
                pool().install(|| self.run_rayon(a, out, scratch))
            }
        }
    };
}
plan_with_parts!(ConvPlan, 4, identity, identity);
plan_with_parts!(Conv3dPlan, 5, identity, identity);
plan_with_parts!(TransposedConv3dPlan, 5, identity, identity);
plan_with_parts!(GemmPlan, 4, matrix, matrix_mut);

/// A plan with the parameters of a run.
struct ByRun<'a, P> {
    plan: P,
    by: RunParameters<'a>,
}

/// The scale of the input of such a run: one that rounds.
const SCALE: f32 = 0.37;

/// As above, of plans that take them.
macro_rules! plan_by_run {
    ($plan:ty, $operand:path, $result:path) => {
        impl<A: Int> Plan<A, 4> for ByRun<'_, $plan> {
            fn kernel(&self) -> &'static str {
                self.plan.kernel()
            }
            fn scratch_len(&self) -> usize {
                self.plan.scratch_len()
            }
            fn whole<O: zeropoint::Element>(
                &self,
                a: ImagesRef<'_, A>,
                out: ImagesMut<'_, O>,
                scratch: &mut [u8],
            ) -> Result<(), Error> {
                self.plan.run_dynamic($operand(a), &self.by, $result(out), scratch)
            }
            fn parts<O: zeropoint::Element>(&self, a: ImagesRef<'_, A>, out: ImagesMut<'_, O>) -> Result<bool, Error> {
                let mut parts = self.plan.split($result(out))?.collect::<Vec<_>>();
                parts.reverse();
                for part in parts {
                    let scratch = &mut vec![0x5a; self.plan.scratch_len()];
                    self.plan.run_part_dynamic($operand(a), &self.by, part, scratch)?;
                }
                Ok(true)
            }
            fn threads<O: zeropoint::Element>(
                &self,
                a: ImagesRef<'_, A>,
                out: ImagesMut<'_, O>,
                scratch: &mut [u8],
            ) -> Result<(), Error> {
                let (a, out) = ($operand(a), $result(out));
                pool().install(|| self.plan.run_dynamic_rayon(a, &self.by, out, scratch))
            }
        }
    };
}
plan_by_run!(ConvPlan, identity, identity);
plan_by_run!(GemmPlan, matrix, matrix_mut);

/// A matrix among images of width 1.
pub(crate) fn matrix<T>(images: ImagesRef<'_, T>) -> MatRef<'_, T> {
    let ([_, rows, _, columns], [_, row, _, column]) = (images.shape(), images.strides());
    MatRef::with_strides(images.data(), [rows, columns], [row, column]).expect("a matrix of the images' memory")
}

pub(crate) fn matrix_mut<T: zeropoint::Element>(images: ImagesMut<'_, T>) -> MatMut<'_, T> {
    images.into_matrix().expect("one image of width 1")
}

/// Runs a plan whole, in parts and on threads, into memory of either fill, and compares.
fn run<A: Int, O: zeropoint::Element + PartialEq + std::fmt::Debug, const R: usize>(
    plan: &impl Plan<A, R>,
    a: View<'_, A, R>,
    expected: &[O],
    shape: [usize; R],
    layout: Layout,
) -> Result<(), Difference> {
    let failed = |what: String| (plan.kernel().to_owned(), what);
    for fill in [0xaa, 0x55] {
        let mut out = Output::<O, R>::new(fill, shape, layout);
        let mut scratch = vec![fill; plan.scratch_len() + 1];
        plan.whole(a, out.view(), &mut scratch[1..]).map_err(|error| failed(error.to_string()))?;
        out.compare(expected).map_err(failed)?;
    }
    let mut out = Output::<O, R>::new(0xaa, shape, layout);
    if plan.parts(a, out.view()).map_err(|error| failed(error.to_string()))? {
        out.compare(expected).map_err(|what| failed(format!("in parts: {what}")))?;
        // One thread, two, and as many as the pool has.
        for threads in 1..=THREADS {
            let mut out = Output::<O, R>::new(0x55, shape, layout);
            let mut scratch = vec![0xa5; plan.scratch_len() * threads];
            plan.threads(a, out.view(), &mut scratch).map_err(|error| failed(error.to_string()))?;
            out.compare(expected).map_err(|what| failed(format!("on {threads} threads: {what}")))?;
        }
    }
    Ok(())
}

/// Compares a plan's results with accumulators that the reference made.
pub(crate) fn ends<A: Int, const R: usize>(
    plan: &impl Plan<A, R>,
    a: View<'_, A, R>,
    accumulators: &[i32],
    ends: &Ends,
    shape: [usize; R],
    layout: Layout,
) -> Result<(), Difference> {
    let columns = shape[R - 1].max(1);
    let indexed = || accumulators.iter().enumerate().map(|(index, &acc)| (acc, index % columns));
    match ends.end {
        End::I32 => run(plan, a, accumulators, shape, layout),
        End::Bytes(element) | End::Ties(element) | End::Beyond(element) | End::Rule(element) => {
            let bytes = indexed().map(|(acc, column)| ends.byte(acc, column));
            match element {
                Element::U8 => run(plan, a, &bytes.map(u8::from_value).collect::<Vec<_>>(), shape, layout),
                Element::I8 => run(plan, a, &bytes.map(i8::from_value).collect::<Vec<_>>(), shape, layout),
            }
        }
        End::F32 { .. } => {
            let floats = indexed().map(|(acc, column)| ends.float(acc, column)).collect::<Vec<_>>();
            run(plan, a, &floats, shape, layout)
        }
    }
}

/// Calls a generic function for the types of a case's operands.
macro_rules! typed {
    ($elements:expr, $function:ident ( $($argument:expr),* )) => {
        match $elements {
            [Element::U8, Element::U8] => $function::<u8, u8>($($argument),*),
            [Element::U8, Element::I8] => $function::<u8, i8>($($argument),*),
            [Element::I8, Element::U8] => $function::<i8, u8>($($argument),*),
            [Element::I8, Element::I8] => $function::<i8, i8>($($argument),*),
        }
    };
}
pub(crate) use typed;

pub(crate) fn refused(backend: &Backend) -> impl Fn(Error) -> Difference {
    let isa = backend.isa();
    move |error| (isa.to_string(), error.to_string())
}

pub(crate) fn gemm(backend: &Backend, case: &Gemm) -> Result<&'static str, Difference> {
    typed!(case.elements, gemm_of(backend, case))
}

fn gemm_of<A: Int, B: Int>(backend: &Backend, case: &Gemm) -> Result<&'static str, Difference> {
    let [m, k, n] = case.sizes;
    let random = &mut Random::new(case.seed);
    let (a, b) = (draw::<A>(random, case.values, m * k), draw::<B>(random, case.values, k * n));
    let a_zero = zero_points(random, case.zero_points[0], A::RANGE, m);
    let b_zero = zero_points(random, case.zero_points[1], B::RANGE, n);
    let bias = (0..n).map(|_| random.bits() as i32 >> 12).collect::<Vec<_>>();
    let parameters = Ends::new(random, case.end, n, k);
    let refused = refused(backend);

    // The weights too lie in the case's layout.
    let stored = Operand::new(&b, B::from_value(1), [1, k, 1, n], case.layout);
    let weights = PackedWeights::gemm(backend, matrix(stored.view()), param(case.zero_points[1], &b_zero));
    let weights = weights.map_err(&refused)?;
    let options = ProductOptions::new(case.elements[0].type_())
        .zero_points(param(case.zero_points[0], &a_zero))
        .bias(&bias)
        .output(parameters.output().map_err(&refused)?);
    let plan = GemmPlan::new(&weights, m, &options).map_err(&refused)?;

    let a = Operand::new(&a, A::from_value(1), [1, m, 1, k], case.layout);
    let accumulators = reference::matmul(
        matrix(a.view()),
        |row| a_zero[row],
        matrix(stored.view()),
        |column| b_zero[column],
        |column| bias[column],
    );
    ends(&plan, a.view(), &accumulators, &parameters, [1, m, 1, n], case.layout)?;
    if let (ZeroPointsOf::All(zero_point), Some(output)) = (case.zero_points[0], parameters.dynamic()) {
        let options = ProductOptions::new(case.elements[0].type_()).dynamic().bias(&bias).output(output);
        let (by, parameters) = parameters.of_run(zero_point, SCALE);
        let plan = ByRun { plan: GemmPlan::new(&weights, m, &options).map_err(&refused)?, by };
        ends(&plan, a.view(), &accumulators, &parameters, [1, m, 1, n], case.layout)?;
    }
    Ok(plan.kernel())
}

pub(crate) fn conv(backend: &Backend, case: &Conv) -> Result<&'static str, Difference> {
    typed!(case.elements, conv_of(backend, case))
}

fn conv_of<A: Int, B: Int>(backend: &Backend, case: &Conv) -> Result<&'static str, Difference> {
    let [images, height, width] = case.images;
    let [inputs, per_group, groups] = case.channels;
    let (channels, outputs) = (inputs * groups, per_group * groups);
    let [kernel_height, kernel_width] = case.kernel;
    let random = &mut Random::new(case.seed);
    let x = draw::<A>(random, case.values, images * height * width * channels);
    let w = draw::<B>(random, case.values, outputs * kernel_height * kernel_width * inputs);
    let w_zero = zero_points(random, case.weights, B::RANGE, outputs);
    let bias = (0..outputs).map(|_| random.bits() as i32 >> 12).collect::<Vec<_>>();
    let parameters = Ends::new(random, case.end, outputs, kernel_height * kernel_width * inputs);
    let refused = refused(backend);

    let stored = Operand::new(&w, B::from_value(1), [outputs, kernel_height, kernel_width, inputs], case.layout);
    let filter = Filter { groups, dilation: case.dilation };
    let weights =
        PackedWeights::conv(backend, stored.view(), param(case.weights, &w_zero), filter).map_err(&refused)?;
    let options = ProductOptions::new(case.elements[0].type_())
        .zero_point(case.zero_point)
        .bias(&bias)
        .output(parameters.output().map_err(&refused)?);
    let window = Window { strides: case.strides, pads: case.pads };
    let plan = ConvPlan::new(&weights, case.images, window, &options).map_err(&refused)?;

    let x = Operand::new(&x, A::from_value(1), [images, height, width, channels], case.layout);
    let geometry = reference::Convolution { strides: case.strides, dilation: case.dilation, pads: case.pads, groups };
    let [out_height, out_width] = geometry.output([height, width], case.kernel);
    let accumulators = reference::convolution(
        x.view(),
        |_| case.zero_point,
        stored.view(),
        |output| w_zero[output],
        |output| bias[output],
        &geometry,
    );
    let shape = [images, out_height, out_width, outputs];
    if plan.output_shape() != shape {
        return Err((plan.kernel().to_owned(), format!("shape {shape:?} expected, got {:?}", plan.output_shape())));
    }
    ends(&plan, x.view(), &accumulators, &parameters, shape, case.layout)?;
    if let Some(output) = parameters.dynamic() {
        let options = ProductOptions::new(case.elements[0].type_()).dynamic().bias(&bias).output(output);
        let (by, parameters) = parameters.of_run(case.zero_point, SCALE);
        let plan = ConvPlan::new(&weights, case.images, window, &options).map_err(&refused)?;
        ends(&ByRun { plan, by }, x.view(), &accumulators, &parameters, shape, case.layout)?;
    }
    Ok(plan.kernel())
}

/// A run-time product with one right operand, as a plan.
struct Dynamic<'a, B> {
    plan: MatMulPlan,
    b: View<'a, B, 3>,
    a_zero: Param<'a, i32>,
    b_zero: Param<'a, i32>,
}

impl<A: Int, B: Int> Plan<A, 4> for Dynamic<'_, B> {
    fn kernel(&self) -> &'static str {
        self.plan.kernel()
    }
    fn scratch_len(&self) -> usize {
        self.plan.scratch_len()
    }
    fn whole<O: zeropoint::Element>(
        &self,
        a: ImagesRef<'_, A>,
        out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.plan.run(batch(a), self.a_zero, self.b, self.b_zero, out.into_batch().expect("images of width 1"), scratch)
    }
    fn parts<O: zeropoint::Element>(&self, _: ImagesRef<'_, A>, _: ImagesMut<'_, O>) -> Result<bool, Error> {
        Ok(false)
    }
    fn threads<O: zeropoint::Element>(
        &self,
        _: ImagesRef<'_, A>,
        _: ImagesMut<'_, O>,
        _: &mut [u8],
    ) -> Result<(), Error> {
        Ok(())
    }
}

/// A batch of matrices among images of width 1.
fn batch<T>(images: ImagesRef<'_, T>) -> View<'_, T, 3> {
    let ([count, rows, _, columns], [step, row, _, column]) = (images.shape(), images.strides());
    View::with_strides(images.data(), [count, rows, columns], [step, row, column])
        .expect("a batch of the images' memory")
}

pub(crate) fn matmul(backend: &Backend, case: &MatMul) -> Result<&'static str, Difference> {
    typed!(case.gemm.elements, matmul_of(backend, case))
}

fn matmul_of<A: Int, B: Int>(backend: &Backend, case: &MatMul) -> Result<&'static str, Difference> {
    let MatMul { batch: count, gemm } = *case;
    let [m, k, n] = gemm.sizes;
    let random = &mut Random::new(gemm.seed);
    let a = draw::<A>(random, gemm.values, count * m * k);
    let b = draw::<B>(random, gemm.values, count * k * n);
    let a_zero = zero_points(random, gemm.zero_points[0], A::RANGE, m);
    let b_zero = zero_points(random, gemm.zero_points[1], B::RANGE, n);
    let parameters = Ends::new(random, gemm.end, n, k);
    let refused = refused(backend);
    let types = gemm.elements.map(Element::type_);
    let output = parameters.output().map_err(&refused)?;
    let plan = MatMulPlan::new(backend, gemm.sizes, types[0], types[1], output).map_err(&refused)?;
    let a = Operand::new(&a, A::from_value(1), [count, m, 1, k], gemm.layout);
    let b = Operand::new(&b, B::from_value(1), [count, k, 1, n], gemm.layout);
    let accumulators = (0..count)
        .flat_map(|index| {
            let (a, b) = (batch(a.view()).matrix(index), batch(b.view()).matrix(index));
            reference::matmul(a, |row| a_zero[row], b, |column| b_zero[column], |_| 0)
        })
        .collect::<Vec<_>>();
    let plan = Dynamic {
        plan,
        b: batch(b.view()),
        a_zero: param(gemm.zero_points[0], &a_zero),
        b_zero: param(gemm.zero_points[1], &b_zero),
    };
    ends(&plan, a.view(), &accumulators, &parameters, [count, m, 1, n], gemm.layout)?;
    Ok(plan.plan.kernel())
}
