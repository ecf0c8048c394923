//! Types of elements, by the numbers of the older form and the names of the newer one.

use crate::error::Fault;
use crate::graph::Type;

/// A type by its number in `VarType.Type`.
pub(super) fn of_code(code: i64) -> Result<Type, Fault> {
    Ok(match code {
        0 => Type::Bool,
        1 => Type::I16,
        2 => Type::I32,
        3 => Type::I64,
        4 => Type::F16,
        5 => Type::F32,
        20 => Type::U8,
        21 => Type::I8,
        22 => Type::BF16,
        6 => return Err(refused("float64")),
        23 | 24 => return Err(refused("complex")),
        other => return Err(Fault::invalid(format!("{other} is no type of elements"))),
    })
}

/// A type by its name in an attribute, such as `int64`.
pub(super) fn of_name(name: &str) -> Result<Type, Fault> {
    Ok(match name {
        "bool" => Type::Bool,
        "int16" => Type::I16,
        "int32" => Type::I32,
        "int64" => Type::I64,
        "float16" => Type::F16,
        "float32" => Type::F32,
        "uint8" => Type::U8,
        "int8" => Type::I8,
        "bfloat16" => Type::BF16,
        other => return Err(refused(other)),
    })
}

/// A type by its name in a tensor's description, such as `0.t_i64`.
pub(super) fn of_tag(tag: &str) -> Result<Type, Fault> {
    Ok(match tag {
        "0.t_bool" => Type::Bool,
        "0.t_i16" => Type::I16,
        "0.t_i32" => Type::I32,
        "0.t_i64" => Type::I64,
        "0.t_f16" => Type::F16,
        "0.t_f32" => Type::F32,
        "0.t_ui8" => Type::U8,
        "0.t_i8" => Type::I8,
        "0.t_bf16" => Type::BF16,
        other => return Err(refused(other)),
    })
}

fn refused(name: &str) -> Fault {
    Fault::unsupported(format!(
        "element type {name}; expected bool, uint8, int8, int16, int32, int64, float16, bfloat16 or float32"
    ))
}
