//! Bytes become a case, which runs on every tier that this CPU has: all of them equal the reference, or the fuzzer has
//! found something.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use zeropoint::{Backend, Runtime};
use zeropoint_check::{Binary, Case, Conv, Element, End, Gemm, Layout, MatMul, Pool, Values, ZeroPointsOf, check};

fuzz_target!(|bytes: &[u8]| {
    let Ok(case) = case(&mut Unstructured::new(bytes)) else { return };
    for isa in Backend::available() {
        if let Err(failure) = check(isa, &case) {
            panic!("{failure}");
        }
    }
});

fn case(bytes: &mut Unstructured<'_>) -> Result<Case> {
    let seed = bytes.arbitrary::<u64>()?;
    Ok(match bytes.int_in_range(0..=7u8)? {
        0 => Case::Gemm(gemm(bytes, seed)?),
        1 => Case::MatMul(MatMul { batch: bytes.int_in_range(0..=3)?, gemm: gemm(bytes, seed)? }),
        2 => Case::Conv(conv(bytes, seed)?),
        3 => {
            let element = element(bytes)?;
            let zero_point = zero_point(bytes, element)?;
            Case::Quantize { len: bytes.int_in_range(0..=200)?, element, scale: scale(bytes)?, zero_point, seed }
        }
        4 => {
            let element = element(bytes)?;
            let zero_point = zero_point(bytes, element)?;
            Case::Dequantize { len: bytes.int_in_range(0..=200)?, element, scale: scale(bytes)?, zero_point, seed }
        }
        5 => {
            let element = element(bytes)?;
            let low = zero_point(bytes, element)?;
            Case::Requantize {
                rows: bytes.int_in_range(0..=4)?,
                columns: bytes.int_in_range(0..=100)?,
                element,
                each: bytes.arbitrary()?,
                zero_point: zero_point(bytes, element)?,
                clamp: (low, bytes.int_in_range(low..=element.range().1)?),
                seed,
            }
        }
        6 => {
            let elements = [element(bytes)?, element(bytes)?, element(bytes)?];
            let zero_points =
                [zero_point(bytes, elements[0])?, zero_point(bytes, elements[1])?, zero_point(bytes, elements[2])?];
            let scales = [ratio(bytes)?, ratio(bytes)?, ratio(bytes)?];
            let case = if bytes.arbitrary()? { Case::Add } else { Case::Mul };
            case(Binary { len: bytes.int_in_range(0..=200)?, elements, scales, zero_points, seed })
        }
        _ => {
            let elements = [element(bytes)?, element(bytes)?];
            let zero_points = [zero_point(bytes, elements[0])?, zero_point(bytes, elements[1])?];
            let sizes = [bytes.int_in_range(1..=60)?, bytes.int_in_range(0..=100)?];
            let scales = [ratio(bytes)?, ratio(bytes)?];
            let runtime = *bytes.choose(&[Runtime::Onnxruntime, Runtime::Tflite, Runtime::Xnnpack])?;
            Case::Pool(Pool { sizes, gap: bytes.int_in_range(0..=5)?, runtime, elements, scales, zero_points, seed })
        }
    })
}

fn gemm(bytes: &mut Unstructured<'_>, seed: u64) -> Result<Gemm> {
    let elements = [element(bytes)?, element(bytes)?];
    Ok(Gemm {
        sizes: [bytes.int_in_range(0..=40)?, bytes.int_in_range(0..=140)?, bytes.int_in_range(0..=140)?],
        elements,
        zero_points: [zero_points(bytes, elements[0])?, zero_points(bytes, elements[1])?],
        end: end(bytes)?,
        layout: layout(bytes)?,
        values: values(bytes)?,
        seed,
    })
}

fn conv(bytes: &mut Unstructured<'_>, seed: u64) -> Result<Conv> {
    let elements = [element(bytes)?, element(bytes)?];
    let depthwise = bytes.arbitrary::<bool>()?;
    let channels = if depthwise {
        [1, 1, bytes.int_in_range(1..=40)?]
    } else {
        [bytes.int_in_range(1..=20)?, bytes.int_in_range(0..=20)?, bytes.int_in_range(1..=4)?]
    };
    let mut pair = |low: usize, high: usize| -> Result<[usize; 2]> {
        Ok([bytes.int_in_range(low..=high)?, bytes.int_in_range(low..=high)?])
    };
    let ([height, width], kernel, strides, dilation) = (pair(0, 14)?, pair(1, 5)?, pair(1, 4)?, pair(1, 3)?);
    let ([top, left], [bottom, right]) = (pair(0, 4)?, pair(0, 4)?);
    Ok(Conv {
        images: [bytes.int_in_range(0..=2)?, height, width],
        channels,
        kernel,
        strides,
        dilation,
        pads: [top, left, bottom, right],
        elements,
        zero_point: zero_point(bytes, elements[0])?,
        weights: zero_points(bytes, elements[1])?,
        end: end(bytes)?,
        layout: layout(bytes)?,
        values: values(bytes)?,
        seed,
    })
}

fn element(bytes: &mut Unstructured<'_>) -> Result<Element> {
    bytes.choose(&[Element::U8, Element::I8]).copied()
}

fn zero_point(bytes: &mut Unstructured<'_>, element: Element) -> Result<i32> {
    bytes.int_in_range(element.range().0..=element.range().1)
}

fn zero_points(bytes: &mut Unstructured<'_>, element: Element) -> Result<ZeroPointsOf> {
    Ok(if bytes.arbitrary()? { ZeroPointsOf::Each } else { ZeroPointsOf::All(zero_point(bytes, element)?) })
}

fn end(bytes: &mut Unstructured<'_>) -> Result<End> {
    Ok(match bytes.int_in_range(0..=3u8)? {
        0 => End::I32,
        1 => End::Bytes(element(bytes)?),
        2 => End::Ties(element(bytes)?),
        _ => End::F32 { bias: bytes.arbitrary()? },
    })
}

fn layout(bytes: &mut Unstructured<'_>) -> Result<Layout> {
    bytes.choose(&[Layout::Dense, Layout::Strided, Layout::Planar]).copied()
}

fn values(bytes: &mut Unstructured<'_>) -> Result<Values> {
    bytes.choose(&[Values::Uniform, Values::Extreme]).copied()
}

/// Any scale that the face takes.
fn scale(bytes: &mut Unstructured<'_>) -> Result<f32> {
    let scale = f32::from_bits(bytes.arbitrary()?).abs();
    Ok(if scale.is_finite() && scale > 0.0 { scale } else { 1.0 })
}

/// Scales whose ratios no operation refuses.
fn ratio(bytes: &mut Unstructured<'_>) -> Result<f32> {
    Ok(bytes.int_in_range(1..=1_000_000u32)? as f32 / 65536.0)
}
