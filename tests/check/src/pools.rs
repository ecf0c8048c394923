//! Pools over windows: cases, and how they are checked.

use zeropoint::{AveragePoolPlan, Backend, MaxPoolPlan, Pooling, Quantized, Runtime};
use zeropoint_kernels::reference::{self, Affine, Convolution, pools};

use crate::Difference;
use crate::case::{Case, Element, Layout, Values};
use crate::cases::{LAYOUTS, PAIRS, nth, zero_points};
use crate::memory::{Operand, Output};
use crate::product::{Int, draw};
use crate::random::Random;
use crate::tables::typed;

/// A pool over windows.
#[derive(Clone, Copy, Debug)]
pub struct Windows {
    /// Images, rows, columns, channels.
    pub images: [usize; 4],
    /// The windows.
    pub pooling: Pooling,
    /// Types of input and output.
    pub elements: [Element; 2],
    /// Scales.
    pub scales: [f32; 2],
    /// Zero points.
    pub zero_points: [i32; 2],
    /// Where input and output lie.
    pub layout: Layout,
    /// Of the values.
    pub seed: u64,
}

/// Images, and windows over them.
fn geometries() -> Vec<([usize; 4], Pooling)> {
    let square = |size, stride, pad| Pooling { strides: [stride; 2], pads: [pad; 4], ..Pooling::new([size; 2]) };
    let mut geometries = vec![
        ([1, 1, 1, 1], square(1, 1, 0)),
        ([2, 7, 6, 5], square(3, 2, 1)),
        ([1, 9, 5, 3], Pooling { dilation: [2, 1], pads: [1, 2, 0, 1], ..Pooling::new([3, 2]) }),
        ([1, 8, 8, 2], Pooling { ceil_mode: true, ..square(3, 2, 1) }),
        ([1, 5, 7, 4], Pooling { ceil_mode: true, ..square(2, 3, 0) }),
        ([1, 5, 5, 7], square(5, 1, 0)),
        // Windows that lie wholly in the padding, before and behind; taps of which every other one does.
        ([1, 2, 3, 9], Pooling { pads: [3, 0, 4, 5], ..Pooling::new([2, 2]) }),
        ([1, 3, 1, 2], Pooling { dilation: [4, 3], pads: [4, 3, 4, 3], ..Pooling::new([3, 3]) }),
        // No pixels, but padding; no images, no channels, no outputs.
        ([1, 0, 3, 2], Pooling { pads: [1, 0, 1, 0], ..Pooling::new([2, 2]) }),
        ([0, 3, 3, 2], square(2, 1, 0)),
        ([1, 3, 3, 0], square(2, 1, 0)),
        ([1, 1, 3, 2], square(2, 1, 0)),
        ([1, 3, 3, 2], Pooling { strides: [usize::MAX; 2], ..Pooling::new([2, 2]) }),
    ];
    // Around the blocks of channels.
    let channels = (1..=17).chain([31, 32, 33, 56, 63, 64, 65, 71, 72, 73, 100, 128, 129]);
    geometries.extend(channels.map(|channels| ([1, 4, 3, channels], square(2, 1, 1))));
    geometries
}

/// What `case` makes of each geometry, in every layout.
fn windows(case: impl Fn(usize, Windows) -> Case) -> Vec<Case> {
    let scales = [[1.0, 1.0], [0.5, 0.25], [0.023_529_412, 0.019_110_054], [1.0, 0.125], [1e-42, 1e-3], [1e30, 1e-4]];
    let mut cases = Vec::new();
    for (images, pooling) in geometries() {
        for layout in LAYOUTS {
            let index = cases.len();
            let elements = nth(&PAIRS, index / 3 + index);
            let zero_points = [nth(&zero_points(elements[0]), index), nth(&zero_points(elements[1]), index / 2)];
            let scales = nth(&scales, index / 2);
            let seed = index as u64;
            cases.push(case(index, Windows { images, pooling, elements, scales, zero_points, layout, seed }));
        }
    }
    cases
}

pub(crate) fn max_cases() -> Vec<Case> {
    windows(|_, windows| Case::MaxPool(Windows { elements: [windows.elements[0]; 2], ..windows }))
}

pub(crate) fn average_cases() -> Vec<Case> {
    windows(|index, windows| {
        let runtime = nth(&[Runtime::Onnxruntime, Runtime::Onnxruntime, Runtime::Tflite, Runtime::Xnnpack], index / 3);
        let windows = match runtime {
            // It scales nothing.
            Runtime::Tflite => Windows {
                elements: [windows.elements[0]; 2],
                scales: [windows.scales[0]; 2],
                zero_points: [windows.zero_points[0]; 2],
                ..windows
            },
            _ => windows,
        };
        Case::AveragePool(runtime, index % 2 == 1, windows)
    })
}

/// Runs a pool of a case on views of its layout, and compares the result with what `value` makes of each window.
fn compare<X: Int, Y: Int>(
    case: &Windows,
    value: impl Fn(&[i32]) -> i32,
    run: impl Fn(zeropoint::ImagesRef<'_, X>, zeropoint::ImagesMut<'_, Y>) -> Result<(), zeropoint::Error>,
) -> Result<(), String> {
    let [images, height, width, channels] = case.images;
    let Pooling { kernel, strides, dilation, pads, .. } = case.pooling;
    let geometry = Convolution { strides, dilation, pads, groups: 1 };
    let [rows, columns] = case.pooling.output([height, width]).ok_or("no output")?;
    let count = images * height * width * channels;
    let x = draw::<X>(&mut Random::new(case.seed), Values::Uniform, count);
    let operand = Operand::new(&x, X::from_value(0), case.images, case.layout);
    let mut expected = Vec::new();
    for image in 0..images {
        for (row, column) in (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column))) {
            for channel in 0..channels {
                let values = pools::under(operand.view(), [image, row, column, channel], kernel, &geometry);
                expected.push(Y::from_value(value(&values)));
            }
        }
    }
    for fill in [0xaa, 0x55] {
        let mut out = Output::<Y>::new(fill, [images, rows, columns, channels], case.layout);
        run(operand.view(), out.view()).map_err(|error| error.to_string())?;
        out.compare(&expected)?;
    }
    Ok(())
}

pub(crate) fn max(backend: &Backend, case: &Windows) -> Result<(), Difference> {
    fn of<X: Int>(backend: &Backend, case: &Windows) -> Result<(), String> {
        let [_, height, width, channels] = case.images;
        let plan = MaxPoolPlan::new(backend, [height, width], channels, case.pooling, X::TYPE);
        let plan = plan.map_err(|error| error.to_string())?;
        compare::<X, X>(case, |values| pools::max_pool(values, X::RANGE), |x, y| plan.run(x, y))
    }
    match case.elements[0] {
        Element::U8 => of::<u8>(backend, case),
        Element::I8 => of::<i8>(backend, case),
    }
    .map_err(|what| (backend.kernel_name("max_pool").to_owned(), what))
}

pub(crate) fn average(
    backend: &Backend,
    runtime: Runtime,
    count_include_pad: bool,
    case: &Windows,
) -> Result<(), Difference> {
    fn of<X: Int, Y: Int>(backend: &Backend, runtime: Runtime, pads: bool, case: &Windows) -> Result<(), String> {
        let [_, height, width, channels] = case.images;
        let quantized = [0, 1].map(|index| Quantized {
            type_: case.elements[index].type_(),
            scale: case.scales[index],
            zero_point: case.zero_points[index],
        });
        let [from, to] = [0, 1].map(|index| Affine { scale: case.scales[index], zero_point: case.zero_points[index] });
        let plan = AveragePoolPlan::new(backend, [height, width], channels, case.pooling, quantized, runtime, pads);
        let plan = plan.map_err(|error| error.to_string())?;
        let taps = case.pooling.kernel.iter().product();
        let value = |values: &[i32]| {
            let count = if pads { taps } else { values.len() };
            match runtime {
                Runtime::Tflite => pools::average_pool_tflite(values, count, to.zero_point, Y::RANGE),
                Runtime::Xnnpack => pools::mean_xnnpack(values, count, from, to, Y::RANGE),
                _ => pools::average_pool(values, count, from, to, Y::RANGE),
            }
        };
        compare::<X, Y>(case, value, |x, y| plan.run(x, y))
    }
    typed!(case.elements, X, Y => of::<X, Y>(backend, runtime, count_include_pad, case))
        .map_err(|what| (backend.kernel_name("average_pool").to_owned(), what))
}

/// The mean of a global average pool, as a runtime computes it.
pub(crate) fn mean(runtime: Runtime, values: &[i32], from: Affine, to: Affine, range: (i32, i32)) -> i32 {
    match runtime {
        Runtime::Tflite => pools::mean_tflite(values, from, to, range),
        Runtime::Xnnpack => pools::mean_xnnpack(values, values.len(), from, to, range),
        _ => reference::global_average_pool(values.iter().copied(), from, to, range),
    }
}
