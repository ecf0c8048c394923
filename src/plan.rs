//! What plans with constant weights have in common.

use alloc::vec::Vec;
use core::fmt;

use zeropoint_kernels::args::TapWeights;
use zeropoint_kernels::table::KernelSet;
use zeropoint_kernels::view::{ImagesMut, ImagesRef, MatMut, MatRef};

use crate::channels;
use crate::dynamic;
use crate::element::{Element, Int8};
use crate::error::{Error, same_length, same_shape};
use crate::options::ProductOptions;
use crate::param::Param;
use crate::parts::{OutputPart, OutputParts};
use crate::product::{Inputs, Operand, Product, Weights, Window3d};
use crate::weights::{Inner, Packed, PackedWeights};
use crate::winograd::{Shape, Winograd};

/// A product with its weights and the zero points of its input.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) product: Product,
    weights: PackedWeights,
    zero_points: OwnZeroPoints,
    /// The zero point of the input and the scales of the output come with each run.
    pub(crate) dynamic: bool,
}

/// Zero points of the input that a plan keeps.
#[derive(Clone)]
enum OwnZeroPoints {
    All(i32),
    Each(Vec<i32>),
    /// Of the channels: what they come to is in the bias, so that they are those of padded positions alone.
    Channels(Vec<i32>),
}

impl Plan {
    pub(crate) fn new(
        weights: &PackedWeights,
        images: [usize; 3],
        window: impl Into<Window3d>,
        options: &ProductOptions<'_>,
    ) -> Result<Self, Error> {
        let window = window.into();
        if options.dynamic {
            dynamic::check_output(&options.output)?;
        }
        let Some(channels) = options.channel_zero_points else {
            return Self::of(weights, images, window, options);
        };
        let bias = channels::bias(&weights.inner, channels, options)?;
        let options = ProductOptions { bias: Some(&bias), zero_points: Param::All(0), ..options.clone() };
        let plan = Self::of(weights, images, window, &options)?;
        Ok(Self { zero_points: OwnZeroPoints::Channels(channels.to_vec()), ..plan })
    }

    fn of(
        weights: &PackedWeights,
        images: [usize; 3],
        window: Window3d,
        options: &ProductOptions<'_>,
    ) -> Result<Self, Error> {
        let mut product = Product::new(
            weights.inner.set,
            weights.inner.geometry,
            weights.inner.packed.form(),
            images,
            window,
            options,
        )?;
        let zero_points = match options.zero_points {
            Param::All(all) => {
                let winograd = Winograd::new(
                    &weights.inner,
                    &Shape {
                        input: product.input_shape(),
                        output: product.output_shape(),
                        window,
                        reading: options.input.int8("input type")?,
                        zero_point: (!options.dynamic).then_some(all),
                        bias: &product.bias,
                    },
                );
                if let Some(winograd) = winograd {
                    product.set_winograd(winograd);
                }
                product.compensate(all, &weights.inner.sums);
                OwnZeroPoints::All(all)
            }
            Param::Each(each) => {
                same_length("zero points of the rows", images[1], each.len())?;
                OwnZeroPoints::Each(each.to_vec())
            }
        };
        Ok(Self { product, weights: weights.clone(), zero_points, dynamic: options.dynamic })
    }

    #[inline]
    pub(crate) fn set(&self) -> &'static KernelSet {
        self.weights.inner.set
    }

    #[inline]
    pub(crate) fn operand(&self) -> Operand<'_> {
        self.product.operand(weights(&self.weights.inner))
    }

    /// The sums of the columns of the weights, where kernels take bytes.
    pub(crate) fn sums(&self) -> &[i32] {
        &self.weights.inner.sums
    }

    /// Bytes of scratch that a thread needs.
    pub(crate) fn scratch_len(&self) -> usize {
        self.product.scratch_len().saturating_add(self.columns_len())
    }

    /// Checks that a run may do without parameters of its own.
    fn check_own(&self) -> Result<(), Error> {
        if self.dynamic {
            return Err(Error::Kind { what: "parameters of the input", expected: "a run's", got: "none" });
        }
        Ok(())
    }

    #[inline]
    fn inputs<'a, A>(&'a self, a: ImagesRef<'a, A>) -> Inputs<'a, A> {
        let (zero_points, channels): (_, &[i32]) = match &self.zero_points {
            OwnZeroPoints::All(all) => (Param::All(*all), &[]),
            OwnZeroPoints::Each(each) => (Param::Each(each), &[]),
            OwnZeroPoints::Channels(channels) => (Param::All(0), channels),
        };
        Inputs { a, zero_points, channels, row_scales: &self.product.row_scales, operand: self.operand() }
    }

    pub(crate) fn kernel(&self) -> &'static str {
        self.product.kernel(!self.weights.inner.zero_points.is_empty())
    }

    #[inline]
    pub(crate) fn run<A: Int8, O: Element>(
        &self,
        a: ImagesRef<'_, A>,
        out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check_own()?;
        self.product.run(self.inputs(a), out, scratch)
    }

    /// [`Plan::run`] of matrices, whose shapes were checked: by a shorter way, where there is one.
    #[inline]
    pub(crate) fn run_rows<A: Int8, O: Element>(
        &self,
        a: MatRef<'_, A>,
        out: MatMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        if let &OwnZeroPoints::All(zero) = &self.zero_points
            && !self.dynamic
            && self.product.takes_rows(&a, &out)
        {
            self.product.check_types::<A, O>()?;
            self.product.check_scratch(scratch.len())?;
            self.product.run_rows(&a, zero, weights(&self.weights.inner), out, scratch);
            return Ok(());
        }
        self.run(a.as_images(), out.into_images(), scratch)
    }

    pub(crate) fn split<'a, O: Element>(&self, out: ImagesMut<'a, O>) -> Result<OutputParts<'a, O>, Error> {
        self.product.check_output::<O>()?;
        same_shape("output", self.product.output_shape(), out.shape())?;
        Ok(OutputParts::new(self.product.grid(), out))
    }

    pub(crate) fn run_part<A: Int8, O: Element>(
        &self,
        a: ImagesRef<'_, A>,
        part: OutputPart<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check_own()?;
        self.product.check::<A, O>(a.shape(), scratch.len())?;
        let (index, out) = part.into_inner();
        let expected = self.product.part_shape(index)?;
        same_shape("part of the output", expected, out.shape())?;
        self.product.run_at(&self.product.part(index), self.inputs(a), out, scratch);
        Ok(())
    }

    #[cfg(feature = "rayon")]
    pub(crate) fn run_rayon<A: Int8, O: Element>(
        &self,
        a: ImagesRef<'_, A>,
        out: ImagesMut<'_, O>,
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        self.check_own()?;
        self.product.check::<A, O>(a.shape(), scratch.len())?;
        same_shape("output", self.product.output_shape(), out.shape())?;
        self.product.fork(out, scratch, self.product.scratch_len(), &|parts: OutputParts<'_, O>, scratch| {
            for (part, out) in parts.located() {
                self.product.run_at(&part, self.inputs(a), out, scratch);
            }
        });
        Ok(())
    }
}

/// Packed weights, as a product takes them.
#[inline]
pub(crate) fn weights(inner: &Inner) -> Weights<'_> {
    let Inner { packed, zero_points, sums, terms, geometry, .. } = inner;
    match packed {
        Packed::Panels(panels) => Weights::Panels { panels, zero_points, sums, terms },
        Packed::Pairs(pairs) => Weights::Taps(TapWeights::Pairs(pairs)),
        Packed::Bytes(bytes) => Weights::Taps(TapWeights::Bytes(bytes)),
        Packed::Groups(weights) => Weights::Taps(TapWeights::Groups { weights, width: geometry.channels }),
    }
}

/// The questions that every plan with constant weights answers.
macro_rules! plan_facts {
    ($plan:ident) => {
        impl $plan {
            /// How many parts the work has, whatever the machine.
            pub fn parts(&self) -> usize {
                self.plan.product.parts()
            }

            /// Multiply-accumulates of a run, those of padding included.
            pub fn macs(&self) -> u64 {
                self.plan.product.macs()
            }

            /// The name of the kernel that computes it.
            pub fn kernel(&self) -> &'static str {
                self.plan.kernel()
            }
        }

        impl core::fmt::Debug for $plan {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(stringify!($plan))?;
                self.plan.fmt(f)
            }
        }
    };
}
pub(crate) use plan_facts;

impl Plan {
    pub(crate) fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, " {{ {}, {:?} parts }}", self.kernel(), self.product.parts())
    }
}
