"""A small model and what the methods' libraries store of its matrices, by arithmetic.

The model: 4 layers of seven matrices (out × in), two tables of 32,000 × 1,024 and nine norms in 16 bits.
"""

from paramcalc.build import build
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.config.read import read_config
from paramcalc.transforms.formats import in_formats

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 1024, "intermediate_size": 2816,
    "num_hidden_layers": 4, "num_attention_heads": 16, "num_key_value_heads": 4, "vocab_size": 32000,
    "tie_word_embeddings": False,
}
SHAPES = {"q": (1024, 1024), "k": (256, 1024), "v": (256, 1024), "o": (1024, 1024), "gate": (2816, 1024),
          "up": (2816, 1024), "down": (1024, 2816)}
TABLE, NORMS, LAYERS = 32000 * 1024, 9 * 1024, 4


def read(**settings):
    return read_config(CONFIG | {"quantization_config": settings}).spec


def size(spec):
    return weight_bytes(in_formats(build(spec)).tree).total


def total(matrix, head=None, embedding=None, **others):
    """Bytes of the model with a function of rows and columns for its matrices, and others for some of them."""
    layers = LAYERS * sum(others.get(name, matrix)(*shape) for name, shape in SHAPES.items())
    tables = sum((table or plain)(32000, 1024) for table in (head, embedding))
    return layers + tables + 2 * NORMS


def plain(rows, columns):
    return 2 * rows * columns


def up(count, size):
    return -(-count // size)


def words(count, bits):
    """Bytes of codes in words of 32 bits."""
    return 4 * up(count * bits, 32)


def gptq(bits, group):
    """Codes and zeros in words, 16-bit scales, a number each input."""
    def bytes_of(rows, columns):
        groups = columns // group if group > 0 else 1
        return rows * words(columns, bits) + groups * (words(rows, bits) + 2 * rows) + 4 * columns
    return bytes_of


def awq(group):
    return lambda rows, columns: rows * columns // 2 + columns // group * (rows // 2 + 2 * rows)


def packed(group, zeros=False, order=False):
    """compressed-tensors: words of four-bit codes, 16-bit scales, the shape in two 64-bit numbers."""
    return lambda rows, columns: (rows * columns // 2 + columns // group * (2 * rows + zeros * rows // 2)
                                  + order * 4 * columns + 16)


def scaled(bits, group, tail=0):
    """Codes, a byte of scale a group."""
    return lambda rows, columns: rows * columns * bits // 8 + rows * columns // group + tail


def a_row(width):
    """A byte a weight and a scale a row."""
    return lambda rows, columns: rows * columns + width * rows


def nf4(rows, columns):
    """Two codes a byte, 8-bit statistics each 64, FP32 ones each 256 of them, both maps and the mean in FP32."""
    blocks = rows * columns // 64
    return rows * columns // 2 + blocks + 4 * up(blocks, 256) + 4 * (16 + 256 + 1)


def hqq(bits, group):
    return lambda rows, columns: rows * columns * bits // 8 + rows * columns // group * 4


def mlx(bits, group):
    return lambda rows, columns: rows * (words(columns, bits) + columns // group * 4)


FP32_TENSOR = 4


def in_fp8(rows, columns):
    return rows * columns + FP32_TENSOR


def block(rows, columns):
    return rows * columns + 4 * up(rows, 128) * up(columns, 128)
