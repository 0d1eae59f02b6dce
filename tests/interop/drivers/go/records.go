package driver

import (
	"encoding/hex"
	"os"
	"strings"
)

// Record is a line of records.tsv. What is null is nil.
type Record struct {
	Key, Value []byte
	Headers    []Header
}

type Header struct {
	Key   string
	Value []byte
}

// Records are those that must come back byte for byte.
func Records() (list []Record) {
	for line := range strings.Lines(string(Must(os.ReadFile(records)))) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		record := Record{Key: unhex(fields[0]), Value: unhex(fields[1])}
		for _, header := range strings.Split(fields[2], ",") {
			if name, content, found := strings.Cut(header, "="); found {
				record.Headers = append(record.Headers, Header{string(unhex(name)), unhex(content)})
			}
		}
		list = append(list, record)
	}
	return list
}

func unhex(text string) []byte {
	if text == "-" {
		return nil
	}
	return Must(hex.DecodeString(text))
}
