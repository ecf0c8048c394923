//! The messages of Paddle's framework.proto that the reader needs, with the fields that it needs. What is left out is
//! skipped by the decoder. Numbers are written one by one there, and read packed as well.

#![expect(missing_docs, reason = "the names are framework.proto's, which documents them")]

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub struct ProgramDesc {
    #[prost(message, repeated, tag = "1")]
    pub blocks: Vec<BlockDesc>,
}

#[derive(Clone, PartialEq, Message)]
pub struct BlockDesc {
    #[prost(message, repeated, tag = "3")]
    pub vars: Vec<VarDesc>,
    #[prost(message, repeated, tag = "4")]
    pub ops: Vec<OpDesc>,
}

#[derive(Clone, PartialEq, Message)]
pub struct VarDesc {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub r#type: Option<VarType>,
    #[prost(bool, tag = "3")]
    pub persistable: bool,
}

#[derive(Clone, PartialEq, Message)]
pub struct VarType {
    #[prost(int32, tag = "1")]
    pub r#type: i32,
    #[prost(message, optional, tag = "3")]
    pub lod_tensor: Option<LodTensorDesc>,
}

#[derive(Clone, PartialEq, Message)]
pub struct LodTensorDesc {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorDesc>,
}

#[derive(Clone, PartialEq, Message)]
pub struct TensorDesc {
    #[prost(int32, tag = "1")]
    pub data_type: i32,
    #[prost(int64, repeated, packed = "false", tag = "2")]
    pub dims: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OpDesc {
    #[prost(message, repeated, tag = "1")]
    pub inputs: Vec<OpVar>,
    #[prost(message, repeated, tag = "2")]
    pub outputs: Vec<OpVar>,
    #[prost(string, tag = "3")]
    pub r#type: String,
    #[prost(message, repeated, tag = "4")]
    pub attrs: Vec<OpAttr>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OpVar {
    #[prost(string, tag = "1")]
    pub parameter: String,
    #[prost(string, repeated, tag = "2")]
    pub arguments: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct OpAttr {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(enumeration = "AttrType", tag = "2")]
    pub r#type: i32,
    #[prost(int32, tag = "3")]
    pub i: i32,
    #[prost(float, tag = "4")]
    pub f: f32,
    #[prost(string, tag = "5")]
    pub s: String,
    #[prost(int32, repeated, packed = "false", tag = "6")]
    pub ints: Vec<i32>,
    #[prost(float, repeated, packed = "false", tag = "7")]
    pub floats: Vec<f32>,
    #[prost(string, repeated, tag = "8")]
    pub strings: Vec<String>,
    #[prost(bool, tag = "10")]
    pub b: bool,
    #[prost(bool, repeated, packed = "false", tag = "11")]
    pub bools: Vec<bool>,
    #[prost(int64, tag = "13")]
    pub l: i64,
    #[prost(int64, repeated, packed = "false", tag = "15")]
    pub longs: Vec<i64>,
    #[prost(double, repeated, packed = "false", tag = "16")]
    pub float64s: Vec<f64>,
    #[prost(double, tag = "19")]
    pub float64: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum AttrType {
    Int = 0,
    Float = 1,
    String = 2,
    Ints = 3,
    Floats = 4,
    Strings = 5,
    Boolean = 6,
    Booleans = 7,
    Block = 8,
    Long = 9,
    Blocks = 10,
    Longs = 11,
    Float64s = 12,
    Var = 13,
    Vars = 14,
    Float64 = 15,
    Scalar = 16,
    Scalars = 17,
}
