//! `AveragePool` in f32. Its definition leaves the rounding open; this is the one order in which it is computed here, on
//! every CPU: the elements of a window are added one by one to 0, in C order, and the sum is divided by how many they
//! are, or by how many of its positions lie in the padded image where padding counts. Sums and quotients are rounded to
//! f32. A window that meets no element makes 0.

use super::windows::{Axis, Windows};
use super::{Context, Operands, Step, each_plane};
use crate::error::Fault;
use crate::graph::{TensorId, op, shape};
use crate::passes::pool;

struct AveragePool {
    x: TensorId,
    y: TensorId,
    windows: Windows,
    /// The sizes of the padded image, where padding counts.
    padded: Option<[usize; 3]>,
}

pub(in super::super) fn average_pool(
    operands: Operands<'_>,
    attributes: &op::Pool,
    count_include_pad: bool,
) -> Result<Box<dyn Step>, Fault> {
    let (x, y) = (operands.id(0)?, operands.output()?);
    if attributes.window.channels_last {
        return Err(Fault::unsupported("a pool of floats with the channels last"));
    }
    let geometry = pool(attributes, operands.shape(x)?)?.windows;
    let windows = Windows::new(&geometry, false)?.ready(shape::elements(operands.shape(y)?)?)?;
    let padded = count_include_pad.then(|| {
        let (axes, mut sizes) = (geometry.from.len(), [1; 3]);
        for (axis, size) in sizes[3 - axes..].iter_mut().enumerate() {
            *size = geometry.pads[axis] + geometry.from[axis] + geometry.pads[axis + axes];
        }
        sizes
    });
    Ok(Box::new(AveragePool { x, y, windows, padded }))
}

impl AveragePool {
    /// Positions of a window that count, along an axis.
    fn count(&self, axis: usize, window: usize) -> usize {
        let of: &Axis = &self.windows.axes[axis];
        match self.padded {
            // A window that meets nothing is no average.
            Some(_) if of.within(window) == 0 => 0,
            Some(sizes) => of.met(window, sizes[axis]),
            None => of.within(window),
        }
    }

    fn plane(&self, x: &[f32], y: &mut [f32]) {
        let rows = self.windows.axes[1].windows;
        for (row, y) in y.chunks_exact_mut(self.windows.row()).enumerate() {
            y.fill(0.0);
            self.windows.each_tap(row, |_, meeting| meeting.each(y, x, |y, x| *y += x));
            let outer = self.count(0, row / rows) * self.count(1, row % rows);
            for (column, y) in y.iter_mut().enumerate() {
                let count = outer * self.count(2, column);
                if count > 0 {
                    *y /= count as f32;
                }
            }
        }
    }
}

impl Step for AveragePool {
    fn run(&self, context: Context<'_>) -> Result<(), String> {
        let Context { memory, threads, .. } = context;
        let [from, to] = self.windows.planes();
        memory.writing::<f32, _>(self.y, |memory, y| {
            let x = memory.read::<f32>(self.x);
            each_plane(threads, y, to, |index, y| self.plane(&x[index * from..][..from], y));
        });
        Ok(())
    }

    fn kernel(&self) -> String {
        "runner/average_pool".to_owned()
    }
}
