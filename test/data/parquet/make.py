"""Makes the Parquet files of this folder and what is in them as JSON. Run with pyarrow 26: python make.py"""
import json
import os

import pyarrow as pa
import pyarrow.parquet as pq

here = os.path.dirname(os.path.abspath(__file__))
expected = {}


def write(name, table, **options):
    pq.write_table(table, os.path.join(here, name + ".parquet"), **options)
    # read back, so that what is expected is what an independent reader finds in the file
    expected[name] = pq.read_table(os.path.join(here, name + ".parquet")).to_pylist()


def with_features(table, features):
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return table.replace_schema_metadata(metadata)


# three row groups, no compression, no dictionary; a row without text and one without label
texts = [f"row {i} ä{'x' * (i % 7)}" for i in range(25)]
texts[3], labels = None, [i % 3 for i in range(25)]
labels[11] = None
write(
    "plain",
    pa.table({"id": list(range(25)), "text": texts, "label": pa.array(labels, pa.int64())}),
    row_group_size=10,
    compression="none",
    use_dictionary=False,
)

# class names in the metadata, snappy and dictionary; -1 is how test sets hide their labels
classes = with_features(
    pa.table({"sentence": ["good", "bad", "hidden", "fine"], "label": pa.array([1, 0, -1, 1], pa.int64())}),
    {
        "sentence": {"dtype": "string", "_type": "Value"},
        "label": {"names": ["negative", "positive"], "_type": "ClassLabel"},
    },
)
write("classes", classes, compression="snappy")

# one column for each way in which features write a list of classes, and a multi-label column; pages indexed, zstd
names = {"names": ["O", "B-PER", "I-PER", "B-LOC"], "_type": "ClassLabel"}
tags = with_features(
    pa.table(
        {
            "tokens": [["Ada", "Lovelace", "wrote"], ["in", "London"], ["one", "short"], []],
            "ner_tags": pa.array([[1, 2, 0], [0, 3], [0], []], pa.list_(pa.int64())),
            "list_tags": pa.array([[1, 2, 0], [0, 3], [0], []], pa.list_(pa.int32())),
            "old_tags": pa.array([[1, 2, 0], [0, 3], [0], []], pa.list_(pa.int64())),
        }
    ),
    {
        "tokens": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
        "ner_tags": {"feature": names, "_type": "Sequence"},
        "list_tags": {"feature": names, "_type": "List"},
        "old_tags": [names],
    },
)
write("tags", tags, compression="zstd", write_page_index=True)

# SQuAD as Hugging Face flattens it, page version 2, gzip; and lists of words as labels
answers = pa.struct([("text", pa.list_(pa.string())), ("answer_start", pa.list_(pa.int32()))])
squad = pa.table(
    {
        "context": ["Ada lived in London."] * 2 + ["It rained."],
        "question": ["Where?", "When?", "What?"],
        "answers": pa.array(
            [
                {"text": ["London", "in London"], "answer_start": [13, 10]},
                {"text": [], "answer_start": []},
                {"text": ["rained"], "answer_start": [3]},
            ],
            answers,
        ),
        "labels": [["joy", "love"], [], ["fear"]],
    }
)
write("squad", squad, compression="gzip", data_page_version="2.0")

# one row group of more rows than are read at once, in many pages, with brotli; the text is the row
rows = 9000
many = pa.table({"text": [str(i + 1) for i in range(rows)], "label": pa.array([i % 2 for i in range(rows)], pa.int8())})
encodings = {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY", "label": "PLAIN"}}
pq.write_table(many, os.path.join(here, "many.parquet"), compression="brotli", data_page_size=1024, **encodings)

with open(os.path.join(here, "expected.json"), "w") as file:
    json.dump(expected, file, ensure_ascii=False, indent=1)
    file.write("\n")
