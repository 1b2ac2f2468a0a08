//! Every DATA format: round trips, sample selection, and files that are not what they claim.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::path::PathBuf;

use ndarray::{Array, ArrayD, IxDyn, ShapeBuilder, array};
use ndarray_npy::{NpzWriter, WritableElement, WriteNpyExt};
use pleat_prover::data::{DataError, InputSpec, load, load_inputs, samples};
use proptest::prelude::*;
use prost::Message;
use tempfile::TempDir;
use tract_onnx::pb::TensorProto;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file and returns its path as DATA.
    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn npy<A: WritableElement>(array: &ArrayD<A>) -> Vec<u8> {
    let mut bytes = Vec::new();
    array.write_npy(&mut bytes).unwrap();
    bytes
}

fn npz(folder: &Folder, name: &str, compressed: bool) -> String {
    let file = std::fs::File::create(folder.path(name)).unwrap();
    let mut writer = if compressed {
        NpzWriter::new_compressed(file)
    } else {
        NpzWriter::new(file)
    };
    writer.add_array("zebra", &array![[1.5_f32, -2.0]]).unwrap();
    writer
        .add_array("apple", &array![[3_u8, 4], [5, 6]])
        .unwrap();
    writer.finish().unwrap();
    folder.path(name).to_str().unwrap().to_owned()
}

fn tensor(kind: DataType, dims: &[i64]) -> TensorProto {
    TensorProto {
        dims: dims.to_vec(),
        data_type: kind.into(),
        ..TensorProto::default()
    }
}

fn message(result: Result<impl std::fmt::Debug, DataError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn npy_of_every_type_and_order() {
    let folder = Folder::new();
    macro_rules! check {
        ($($type:ty: $values:expr),*) => {$(
            let values: Vec<$type> = $values.to_vec();
            let expected: Vec<f32> = values.iter().map(|v| *v as f32).collect();
            let array = Array::from_shape_vec(IxDyn(&[2, 1, 2]), values).unwrap();
            let got = load(&folder.put("a.npy", &npy(&array))).unwrap();
            assert_eq!(got, ArrayD::from_shape_vec(IxDyn(&[2, 1, 2]), expected).unwrap());
            // Fortran order, and the other byte order.
            let mut turned = ArrayD::zeros(IxDyn(&[2, 1, 2]).f());
            turned.assign(&array);
            assert_eq!(load(&folder.put("f.npy", &npy(&turned))).unwrap(), got);
            let mut bytes = npy(&array);
            let start = bytes.len() - 4 * size_of::<$type>();
            bytes[start..].chunks_mut(size_of::<$type>()).for_each(<[u8]>::reverse);
            let text = bytes.iter().position(|b| *b == b'<');
            if let Some(at) = text {
                bytes[at] = b'>';
            }
            assert_eq!(load(&folder.put("big.npy", &bytes)).unwrap(), got);
        )*};
    }
    check!(
        f32: [1.25, -3.0, f32::MAX, f32::MIN_POSITIVE], f64: [0.1, -1e30, 0.0, 7.0],
        i8: [-128, 127, 0, 1], i16: [-32768, 32767, 0, 1], i32: [i32::MIN, i32::MAX, 0, 1], i64: [i64::MIN, i64::MAX, 0, 1],
        u8: [0, 255, 1, 2], u16: [0, 65535, 1, 2], u32: [0, u32::MAX, 1, 2], u64: [0, u64::MAX, 1, 2]
    );
    let bits = array![true, false, true].into_dyn();
    assert_eq!(
        load(&folder.put("b.npy", &npy(&bits))).unwrap(),
        array![1.0, 0.0, 1.0].into_dyn()
    );
    let scalar = ndarray::arr0(4.0_f32).into_dyn();
    assert_eq!(load(&folder.put("s.NPY", &npy(&scalar))).unwrap(), scalar);
}

#[test]
fn npz_arrays_by_order_and_by_name() {
    let folder = Folder::new();
    for compressed in [false, true] {
        let file = npz(&folder, "a.npz", compressed);
        let first = array![[1.5, -2.0]].into_dyn();
        assert_eq!(load(&file).unwrap(), first);
        assert_eq!(load(&format!("{file}:zebra")).unwrap(), first);
        let second = array![[3.0, 4.0], [5.0, 6.0]].into_dyn();
        assert_eq!(load(&format!("{file}:apple")).unwrap(), second);
        assert_eq!(
            message(load(&format!("{file}:pear"))),
            format!("{file} has no array pear; it has: zebra, apple")
        );
    }
}

#[test]
fn json_flat_and_nested() {
    let folder = Folder::new();
    let flat = folder.put("a.json", br#"{"input_data": [[1, 2.5, true, -3e2]]}"#);
    assert_eq!(
        load(&flat).unwrap(),
        array![1.0, 2.5, 1.0, -300.0].into_dyn()
    );
    let nested = folder.put(
        "b.json",
        br#"{"input_data": [[[1, 2], [3, 4], [5, 6]]], "output_data": [[9]]}"#,
    );
    assert_eq!(
        load(&nested).unwrap(),
        array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]].into_dyn()
    );
    let two = folder.put("c.json", br#"{"input_data": [[1], [2]]}"#);
    assert_eq!(
        message(load(&two)),
        format!("{two}: input_data has 2 lists where one is needed")
    );
}

#[test]
fn tensor_protos_raw_and_typed() {
    let folder = Folder::new();
    let put = |t: &TensorProto| folder.put("t.pb", &t.encode_to_vec());
    let expected = array![[1.0, -2.0, 3.0]].into_dyn();
    let mut typed = tensor(DataType::Float, &[1, 3]);
    typed.float_data = vec![1.0, -2.0, 3.0];
    assert_eq!(load(&put(&typed)).unwrap(), expected);
    let mut typed = tensor(DataType::Double, &[1, 3]);
    typed.double_data = vec![1.0, -2.0, 3.0];
    assert_eq!(load(&put(&typed)).unwrap(), expected);
    let mut typed = tensor(DataType::Int64, &[1, 3]);
    typed.int64_data = vec![1, -2, 3];
    assert_eq!(load(&put(&typed)).unwrap(), expected);
    for kind in [DataType::Int8, DataType::Int16, DataType::Int32] {
        let mut typed = tensor(kind, &[1, 3]);
        typed.int32_data = vec![1, -2, 3];
        assert_eq!(load(&put(&typed)).unwrap(), expected);
    }
    let expected = array![[1.0, 0.0, 1.0]].into_dyn();
    for kind in [DataType::Uint8, DataType::Uint16, DataType::Bool] {
        let mut typed = tensor(kind, &[1, 3]);
        typed.int32_data = vec![1, 0, 1];
        assert_eq!(load(&put(&typed)).unwrap(), expected);
    }
    for kind in [DataType::Uint32, DataType::Uint64] {
        let mut typed = tensor(kind, &[1, 3]);
        typed.uint64_data = vec![1, 0, 1];
        assert_eq!(load(&put(&typed)).unwrap(), expected);
    }
    let mut raw = tensor(DataType::Int16, &[3]);
    raw.raw_data = [1_i16, -2, 300]
        .iter()
        .flat_map(|v| v.to_le_bytes())
        .collect();
    assert_eq!(
        load(&put(&raw)).unwrap(),
        array![1.0, -2.0, 300.0].into_dyn()
    );
    let mut raw = tensor(DataType::Bool, &[2]);
    raw.raw_data = vec![0, 1];
    assert_eq!(load(&put(&raw)).unwrap(), array![0.0, 1.0].into_dyn());
}

#[test]
fn values_must_be_finite() {
    let folder = Folder::new();
    let bad = array![[1.0_f32, 2.0], [f32::NAN, 0.0]].into_dyn();
    let file = folder.put("a.npy", &npy(&bad));
    assert_eq!(
        message(load(&file)),
        format!("{file}: the value at index [1, 0] is NaN; all values must be finite")
    );
    let file = folder.put("b.npy", &npy(&array![0.0, 1e300].into_dyn()));
    assert_eq!(
        message(load(&file)),
        format!("{file}: the value at index [1] is inf; all values must be finite")
    );
    let file = folder.put("c.json", br#"{"input_data": [[0], [1, -1e39]]}"#);
    assert_eq!(
        message(load(&file)),
        format!("{file}, input_data[1]: the value at index [1] is -inf; all values must be finite")
    );
}

#[test]
fn the_leading_axis_is_samples() {
    let count = |got: &[usize], shape: &[usize]| {
        let cells: usize = got.iter().product();
        let values = (0..cells).map(|v| v as f32).collect();
        let array = ArrayD::from_shape_vec(IxDyn(got), values).unwrap();
        let stack = samples(array, shape).ok()?;
        let last = stack.get(stack.len() - 1).unwrap();
        assert_eq!(last.shape(), shape);
        assert_eq!(last.iter().last(), Some(&((cells - 1) as f32)));
        Some(stack.len())
    };
    assert_eq!(count(&[1, 61], &[1, 61]), Some(1));
    assert_eq!(count(&[300, 61], &[1, 61]), Some(300));
    assert_eq!(count(&[300, 61], &[61]), Some(300));
    assert_eq!(count(&[300, 1, 61], &[1, 61]), Some(300));
    assert_eq!(count(&[5, 2, 3], &[2, 3]), Some(5));
    assert_eq!(count(&[2, 3], &[2, 3]), Some(1));
    assert_eq!(count(&[61], &[1, 61]), Some(1));
    assert_eq!(count(&[6], &[2, 3]), Some(1));
    assert_eq!(count(&[], &[]), Some(1));
    assert_eq!(count(&[4], &[]), Some(4));
    for (got, shape) in [
        (&[62][..], &[1, 61][..]),
        (&[122], &[1, 61]),
        (&[4, 3], &[2, 3]),
        (&[3, 2], &[2, 3]),
        (&[1, 1, 1, 61], &[1, 61]),
        (&[61, 300], &[1, 61]),
    ] {
        assert_eq!(count(got, shape), None, "{got:?} {shape:?}");
    }
    let empty = ArrayD::<f32>::zeros(IxDyn(&[0, 61]));
    let error = samples(empty, &[1, 61]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an array of shape [0, 61] holds no samples; give at least one"
    );
    let wide = ArrayD::<f32>::zeros(IxDyn(&[2, 62]));
    let error = samples(wide, &[1, 61]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "an array of shape [2, 62] does not fit the model's [1, 61]: give that shape, or one more axis in front for samples"
    );
    let two = samples(ArrayD::zeros(IxDyn(&[2, 61])), &[61]).unwrap();
    assert_eq!(
        message(two.get(2)),
        "there is no sample 2; the data has 2 (counted from 0)"
    );
}

#[test]
fn a_stack_in_fortran_order_keeps_its_samples() {
    let mut stack = ArrayD::<f32>::zeros(IxDyn(&[2, 3]).f());
    stack.assign(&array![[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let second = samples(stack, &[1, 3]).unwrap().get(1).unwrap();
    assert_eq!(second, array![[4.0, 5.0, 6.0]].into_dyn());
}

fn spec(name: &str, shape: &[usize]) -> InputSpec {
    InputSpec {
        name: name.to_owned(),
        shape: shape.to_vec(),
    }
}

#[test]
fn several_inputs() {
    let folder = Folder::new();
    let inputs = [spec("apple", &[1, 2]), spec("zebra", &[2])];
    let file = npz(&folder, "a.npz", true);
    let error = message(load_inputs(&file, &inputs));
    assert_eq!(
        error,
        format!("{file}: input apple has 2 samples, input zebra has 1")
    );
    let inputs = [spec("apple", &[2, 2]), spec("zebra", &[2])];
    let stacks = load_inputs(&file, &inputs).unwrap();
    assert_eq!(
        stacks[0].get(0).unwrap(),
        array![[3.0, 4.0], [5.0, 6.0]].into_dyn()
    );
    assert_eq!(stacks[1].get(0).unwrap(), array![1.5, -2.0].into_dyn());
    let error = message(load_inputs(
        &file,
        &[spec("pear", &[2]), spec("zebra", &[2])],
    ));
    assert_eq!(
        error,
        format!("{file} has no array pear; it has: zebra, apple")
    );

    // Flat lists of two samples each.
    let file = folder.put(
        "b.json",
        br#"{"input_data": [[1, 2, 3, 4, 5, 6, 7, 8], [9, 10, 11, 12]]}"#,
    );
    let stacks = load_inputs(&file, &inputs).unwrap();
    assert_eq!(
        stacks[0].get(1).unwrap(),
        array![[5.0, 6.0], [7.0, 8.0]].into_dyn()
    );
    assert_eq!(stacks[1].get(1).unwrap(), array![11.0, 12.0].into_dyn());
    let error = message(load_inputs(&file, &inputs[..1]));
    assert_eq!(
        error,
        format!("{file} holds 2 lists, and the model has 1 inputs: apple")
    );
    let error = message(load_inputs(&file, &[spec("p", &[3]), spec("q", &[4])]));
    assert_eq!(
        error,
        format!(
            "{file}, for input p: an array of shape [8] does not fit the model's [3]: give that shape, or one more axis in \
             front for samples"
        )
    );

    let file = folder.put("c.npy", &npy(&array![1.0_f32].into_dyn()));
    let error = message(load_inputs(&file, &inputs));
    assert_eq!(
        error,
        format!("{file} holds one array, and the model has 2 inputs: apple, zebra")
    );
    assert_eq!(load_inputs(&file, &[spec("x", &[1])]).unwrap()[0].len(), 1);
}

#[test]
fn files_that_are_not_what_they_claim() {
    let folder = Folder::new();
    let good = npy(&array![1.0_f32, 2.0].into_dyn());
    let header = |text: &str| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend(u16::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes
    };
    let huge = header("{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776,), }\n");
    let overflow = header(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (1099511627776, 1099511627776), }\n",
    );
    let empty_overflow = header(
        "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 1099511627776, 1099511627776), }\n",
    );
    let deep = header(&"(".repeat(65_000));
    let complex = header("{'descr': '<c8', 'fortran_order': False, 'shape': (), }\n");
    let record = header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }\n");
    let mut version = good.clone();
    version[6] = 9;
    let mut long = b"\x93NUMPY\x02\x00".to_vec();
    long.extend([0xff; 4]);
    let dictionary = "its .npy header is not {'descr': …, 'fortran_order': …, 'shape': …}";
    for (name, bytes, reason) in [
        (
            "a.npy",
            &good[..20],
            "not an .npy file: it ends within the header",
        ),
        (
            "a.npy",
            &b"PK"[..],
            "not an .npy file: it ends within the header",
        ),
        (
            "a.npy",
            &[0; 200],
            "not an .npy file: it does not begin with \\x93NUMPY",
        ),
        (
            "a.npy",
            &version,
            "version 9.0 of the .npy format is not known",
        ),
        ("a.npy", &long, "its .npy header claims 4294967295 bytes"),
        (
            "a.npy",
            &good[..good.len() - 1],
            "there are fewer than the 8 bytes that shape [2] takes",
        ),
        (
            "a.npy",
            &[good.as_slice(), &[0]].concat(),
            "there are more than the 8 bytes that shape [2] takes",
        ),
        (
            "a.npy",
            &huge,
            "there are fewer than the 8796093022208 bytes that shape [1099511627776] takes",
        ),
        (
            "a.npy",
            &overflow,
            "shape [1099511627776, 1099511627776] is too large",
        ),
        (
            "a.npy",
            &empty_overflow,
            "ShapeError/Overflow: arithmetic overflow",
        ),
        ("a.npy", &deep, dictionary),
        ("a.npy", &header("{}"), dictionary),
        (
            "a.npy",
            &complex,
            "elements of type <c8 cannot be read; floats of 32 or 64 bits, integers and booleans can",
        ),
        (
            "a.npy",
            &record,
            "elements of type [[\"a\",\"<f4\"]] cannot be read; floats of 32 or 64 bits, integers and booleans can",
        ),
        (
            "a.json",
            b"[1",
            "not JSON: EOF while parsing a list at line 1 column 2",
        ),
        (
            "a.json",
            b"{\"input_data\": 3}",
            "there is no \"input_data\" with a list of lists in it",
        ),
        (
            "a.json",
            b"{}",
            "there is no \"input_data\" with a list of lists in it",
        ),
        (
            "a.json",
            b"{\"input_data\": []}",
            "input_data has 0 lists where one is needed",
        ),
    ] {
        let file = folder.put(name, bytes);
        assert_eq!(message(load(&file)), format!("{file}: {reason}"));
    }
    for (text, reason) in [
        ("[1, 2]", "a number is not a list"),
        ("[[1, \"2\"]]", "a string is not a number"),
        ("[[1, null]]", "null is not a number"),
        ("[[[1, 2], [3]]]", "its nested lists have different lengths"),
        ("[[1, [2]]]", "its nested lists have different lengths"),
        ("[[[1], 2]]", "its nested lists have different lengths"),
    ] {
        let file = folder.put("b.json", format!("{{\"input_data\": {text}}}").as_bytes());
        assert_eq!(
            message(load(&file)),
            format!("{file}, input_data[0]: {reason}"),
            "{text}"
        );
    }
    let file = folder.put("a.npz", b"PK not really");
    assert!(message(load(&file)).starts_with(&format!("{file}: not an .npz file: ")));
    let file = folder.put("a.npz", b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    assert_eq!(
        message(load(&file)),
        format!("{file}: there are no arrays in it")
    );

    let mut external = tensor(DataType::Float, &[1]);
    external.data_location = Some(DataLocation::External.into());
    let mut short = tensor(DataType::Float, &[3]);
    short.raw_data = vec![0; 8];
    let mut cut = tensor(DataType::Float, &[3]);
    cut.raw_data = vec![0; 11];
    let other = "cannot be read; floats of 32 or 64 bits, integers and booleans can";
    for (tensor, reason) in [
        (external, "its data is in another file".to_owned()),
        (
            tensor(DataType::Float, &[2, -1]),
            "shape [2, -1] is negative".to_owned(),
        ),
        (short, "2 values do not fill shape [3]".to_owned()),
        (cut, "its raw data ends within an element".to_owned()),
        (
            tensor(DataType::String, &[0]),
            format!("elements of type STRING {other}"),
        ),
        (
            tensor(DataType::Undefined, &[0]),
            format!("elements of type UNDEFINED {other}"),
        ),
        (tensor(DataType::Float, &[i64::MAX, i64::MAX]), {
            format!("0 values do not fill shape [{0}, {0}]", i64::MAX)
        }),
    ] {
        let file = folder.put("t.pb", &tensor.encode_to_vec());
        assert_eq!(message(load(&file)), format!("{file}: {reason}"));
    }
    let file = folder.put("t.pb", b"\xff\xff");
    assert!(message(load(&file)).starts_with(&format!("{file}: not an ONNX TensorProto: ")));

    let file = folder.put("a.csv", b"1,2");
    assert_eq!(
        message(load(&file)),
        format!("{file}: data files end in .npy, .npz, .json or .pb")
    );
    let missing = folder.path("missing.npy").to_str().unwrap().to_owned();
    assert!(message(load(&missing)).starts_with(&format!("cannot read {missing}: ")));
    let missing = folder.path("missing.npz").to_str().unwrap().to_owned();
    assert!(
        message(load(&format!("{missing}:x"))).starts_with(&format!("cannot read {missing}: "))
    );
}

/// A valid file of each format.
fn valid() -> Vec<(&'static str, Vec<u8>)> {
    let folder = Folder::new();
    let read = |path: String| std::fs::read(path).unwrap();
    let mut typed = tensor(DataType::Float, &[1, 3]);
    typed.float_data = vec![1.0, -2.0, 3.0];
    let mut raw = tensor(DataType::Int64, &[2]);
    raw.raw_data = vec![1; 16];
    vec![
        ("a.npy", npy(&array![[1.0_f64, 2.0], [3.0, 4.0]].into_dyn())),
        ("a.npz", read(npz(&folder, "a.npz", true))),
        ("b.npz", read(npz(&folder, "b.npz", false))),
        (
            "a.json",
            br#"{"input_data": [[[1, 2.5], [3, 4]]]}"#.to_vec(),
        ),
        ("a.pb", typed.encode_to_vec()),
        ("b.pb", raw.encode_to_vec()),
    ]
}

/// Loads the bytes in every way; whatever comes out is finite.
fn load_all_ways(name: &str, bytes: &[u8]) {
    let folder = Folder::new();
    let file = folder.put(name, bytes);
    let inputs = [spec("apple", &[1, 2]), spec("zebra", &[2])];
    for array in [load(&file), load(&format!("{file}:apple"))]
        .into_iter()
        .flatten()
    {
        assert!(array.iter().all(|v| v.is_finite()));
    }
    for n in [1, 2] {
        for stack in load_inputs(&file, &inputs[..n]).into_iter().flatten() {
            assert!(stack.get(0).unwrap().iter().all(|v| v.is_finite()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0_usize..4) {
        load_all_ways(["a.npy", "a.npz", "a.json", "a.pb"][kind], &bytes);
    }

    #[test]
    fn damaged_files_never_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let files = valid();
        let (name, mut bytes) = files[which.index(files.len())].clone();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if cut {
            bytes.truncate(end.index(bytes.len() + 1));
        }
        load_all_ways(name, &bytes);
    }

    #[test]
    fn arrays_survive_npy(shape in prop::collection::vec(0_usize..5, 0..4), seed in any::<u32>()) {
        let cells: usize = shape.iter().product();
        let values = (0..cells).map(|i| f32::from_bits(seed.wrapping_mul(i as u32 + 1) & 0xbfff_ffff)).collect();
        let array = ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap();
        let folder = Folder::new();
        prop_assert_eq!(load(&folder.put("a.npy", &npy(&array))).unwrap(), array);
    }
}
