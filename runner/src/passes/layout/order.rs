//! Where the axes of a tensor stand in memory.

use crate::graph::{Layout, shape};

/// Whether a shape with so many axes may be that of images: of one to three axes, with channels.
pub(crate) const fn is_images(rank: usize) -> bool {
    matches!(rank, 3..=5)
}

/// The axes of a tensor in the order in which they lie in memory: its elements are in C order of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Axes {
    /// Which axis of the tensor's shape stands at each place.
    order: Vec<usize>,
    /// The sizes, place by place.
    sizes: Vec<usize>,
}

impl Axes {
    pub(crate) fn of(shape: &[usize], layout: Layout) -> Self {
        let order: Vec<usize> = match layout {
            Layout::ChannelsLast if is_images(shape.len()) => {
                [0].into_iter().chain(2..shape.len()).chain([1]).collect()
            }
            _ => (0..shape.len()).collect(),
        };
        let sizes = order.iter().map(|&axis| shape[axis]).collect();
        Self { order, sizes }
    }

    /// The sizes as they lie in memory.
    pub(crate) fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// Where an axis of the shape stands in memory.
    pub(crate) fn place(&self, axis: usize) -> usize {
        self.order.iter().position(|&found| found == axis).unwrap_or(axis)
    }

    /// What belongs to each axis of the shape, in memory's order.
    pub(crate) fn sorted<T: Clone>(&self, of_axes: &[T]) -> Vec<T> {
        self.order.iter().map(|&axis| of_axes[axis].clone()).collect()
    }

    /// The distances between elements along each axis of the shape.
    pub(crate) fn strides(&self) -> Vec<usize> {
        let dense = shape::strides(&self.sizes);
        (0..dense.len()).map(|axis| dense[self.place(axis)]).collect()
    }

    /// Whether a tensor with these distances along the axes of the shape lies in memory as this one does.
    pub(crate) fn has(&self, strides: &[usize]) -> bool {
        let own = self.strides();
        (0..own.len()).all(|axis| self.sizes[self.place(axis)] <= 1 || own[axis] == strides[axis])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_stand_last_and_keep_their_axis() {
        let axes = Axes::of(&[2, 3, 4, 5], Layout::ChannelsLast);
        assert_eq!(axes.sizes(), [2, 4, 5, 3]);
        assert_eq!([0, 1, 2, 3].map(|axis| axes.place(axis)), [0, 3, 1, 2]);
        assert_eq!(axes.sorted(&['n', 'c', 'h', 'w']), ['n', 'h', 'w', 'c']);
        assert_eq!(axes.strides(), [60, 1, 15, 3]);
        let plain = Axes::of(&[2, 3, 4], Layout::RowMajor);
        assert_eq!((plain.sizes(), plain.strides()), (&[2, 3, 4][..], vec![12, 4, 1]));
    }

    #[test]
    fn images_have_one_to_three_axes() {
        assert_eq!(Axes::of(&[2, 3, 4], Layout::ChannelsLast).sizes(), [2, 4, 3]);
        assert_eq!(Axes::of(&[2, 3, 4, 5, 6], Layout::ChannelsLast).sizes(), [2, 4, 5, 6, 3]);
        for shape in [&[2, 3][..], &[1, 2, 3, 4, 5, 6]] {
            assert_eq!(Axes::of(shape, Layout::ChannelsLast).sizes(), shape);
        }
    }

    #[test]
    fn axes_of_one_element_lie_anywhere() {
        let axes = Axes::of(&[1, 7, 1, 5], Layout::ChannelsLast);
        assert!(axes.has(&[9, 1, 9, 7]) && !axes.has(&[35, 5, 5, 1]));
        assert!(Axes::of(&[1, 7, 1, 1], Layout::ChannelsLast).has(&[7, 1, 1, 1]));
    }
}
