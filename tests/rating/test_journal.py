"""What of the journal is still to be read."""

from pathlib import Path

from rating.journal import JournalReader, JournalWriter, encode


def test_a_record_torn_at_the_end_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    """The sweeper looks for lost ends once nothing is unread: a torn record must not keep it from that for ever."""
    writer, reader = JournalWriter(tmp_path, "edge1"), JournalReader(tmp_path)
    assert writer.append({"ev": "answer"})
    (file,) = reader.files()
    whole = file.stat().st_size
    with file.open("ab") as torn:
        torn.write(encode({"ev": "end"})[:-5])
    assert reader.unread_bytes({}) == whole + 1  # the line end before it
    offsets = reader.read({}, 100).offsets
    assert reader.unread_bytes(offsets) == 0
    assert writer.append({"ev": "failed"})  # in the same hour: it closes the torn one
    assert reader.unread_bytes(offsets) > 0
    batch = reader.read(offsets, 100)
    assert ([event["ev"] for event in batch.events], batch.torn) == (["failed"], 1)
    assert reader.unread_bytes(batch.offsets) == 0
