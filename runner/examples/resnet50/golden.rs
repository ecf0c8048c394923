//! An input, and what the scalar tier makes of it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use zeropoint::{Backend, Isa};
use zeropoint_runner::exec::{Limits, Plan, Session, TensorRef};
use zeropoint_runner::{formats::onnx, passes, trace};

use super::spread::Random;

/// What the input is called.
const NAME: &str = "random";

pub(crate) fn write(path: &Path, model: &[u8]) -> Result<()> {
    let (mut graph, mut problems) = onnx::parse(model, None);
    passes::run(&mut graph, &passes::Options::default(), &mut problems);
    problems.into_result()?;
    let backend = Backend::with_isa(Isa::Scalar)?;
    let mut session = Session::new(Plan::new(&graph, &backend, Limits::default())?, 1)?;
    let mut random = Random::new(224);
    session.input_mut::<u8>(0)?.iter_mut().for_each(|x| *x = random.u8());
    let trace = trace::record(&mut session)?;

    let folder = path.parent().unwrap_or(Path::new(""));
    let stem = path.file_stem().context("the file has no name")?.to_string_lossy();
    let (inputs, golden) = (folder.join("inputs"), folder.join("golden").join(&*stem));
    for folder in [&inputs, &golden] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    npy(&inputs.join(format!("{stem}_{NAME}_u8.npy")), &[1, 3, 224, 224], session.input(0)?)?;
    npy(&golden.join(format!("{NAME}_output.npy")), &[1, 1000], session.output(0)?)?;
    fs::write(golden.join(format!("{NAME}.json")), serde_json::to_string_pretty(&trace)? + "\n")?;
    Ok(())
}

fn npy(path: &Path, shape: &[u64], values: TensorRef<'_>) -> Result<()> {
    use npyz::WriterBuilder;
    let TensorRef::U8(values) = values else { bail!("bytes were expected") };
    let file = fs::File::create(path).with_context(|| path.display().to_string())?;
    let mut writer = npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd()?;
    writer.extend(values.iter().copied())?;
    Ok(writer.finish()?)
}
