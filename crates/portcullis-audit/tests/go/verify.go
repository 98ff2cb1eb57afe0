// Verifies an audit log that was exported as tiles, by the packages of Go's
// checksum database. Nothing here hashes or checks a signature itself.
//
//	verify DIRECTORY VERIFIER-KEY MINIMUM OLDER-CHECKPOINT...
//
// The log begins at record MINIMUM, and is consistent with the older heads.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Println("refused:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return fmt.Errorf("usage: verify DIRECTORY VERIFIER-KEY MINIMUM OLDER-CHECKPOINT...")
	}
	minimum, err := strconv.ParseInt(args[2], 10, 64)
	if err != nil {
		return err
	}
	tiles := directory(args[0])
	tree, err := checkpoint(filepath.Join(args[0], "checkpoint"), args[1])
	if err != nil {
		return err
	}
	hashes := tlog.TileHashReader(tree, tiles)
	for _, name := range args[3:] {
		older, err := checkpoint(name, args[1])
		if err != nil {
			return err
		}
		if err := consistent(tree, older, hashes); err != nil {
			return err
		}
	}
	entries, err := allEntries(tiles, tree, minimum, hashes)
	if err != nil {
		return err
	}
	fmt.Printf("verified: size %d, %d entries, %d older heads\n", tree.N, entries, len(args)-3)
	return nil
}

// checkpoint reads a signed head. tlog.ParseTree takes only the first line of the
// checksum database, so the three lines are read here.
func checkpoint(name, key string) (tlog.Tree, error) {
	var tree tlog.Tree
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tree, err
	}
	bytes, err := os.ReadFile(name)
	if err != nil {
		return tree, err
	}
	signed, err := note.Open(bytes, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() || lines[3] != "" {
		return tree, fmt.Errorf("%s is no checkpoint of %s", name, verifier.Name())
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil {
		return tree, err
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func consistent(tree, older tlog.Tree, hashes tlog.HashReader) error {
	proof, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return err
	}
	return tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash)
}

func allEntries(tiles directory, tree tlog.Tree, minimum int64, hashes tlog.HashReader) (int64, error) {
	count := int64(0)
	for first := minimum; first < tree.N; {
		bundle := tlog.Tile{H: height, L: -1, N: first / width, W: width}
		if rest := tree.N - bundle.N*width; rest < width {
			bundle.W = int(rest)
		}
		data, err := tiles.read(bundle)
		if err != nil {
			return count, err
		}
		var indexes []int64
		var found []tlog.Hash
		for next := bundle.N * width; len(data) > 0; next++ {
			if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
				return count, fmt.Errorf("bundle %d is cut short", bundle.N)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			indexes = append(indexes, tlog.StoredHashIndex(0, next))
			found = append(found, tlog.RecordHash(data[2:end]))
			data = data[end:]
		}
		if len(found) != bundle.W {
			return count, fmt.Errorf("bundle %d has %d entries, not %d", bundle.N, len(found), bundle.W)
		}
		expected, err := hashes.ReadHashes(indexes)
		if err != nil {
			return count, err
		}
		for i := range expected {
			if expected[i] != found[i] {
				return count, fmt.Errorf("entry %d is not what was logged", bundle.N*width+int64(i))
			}
		}
		// One entry of each bundle also by its inclusion proof.
		proven := bundle.N * width
		proof, err := tlog.ProveRecord(tree.N, proven, hashes)
		if err != nil {
			return count, err
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, proven, found[0]); err != nil {
			return count, err
		}
		count += int64(bundle.W)
		first = bundle.N*width + int64(bundle.W)
	}
	return count, nil
}

// directory is a folder of tiles. Go's names have the height in them, and "data" for
// "entries"; otherwise they are those of c2sp.org/tlog-tiles.
type directory string

func (d directory) read(tile tlog.Tile) ([]byte, error) {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	path = strings.Replace(path, "data/", "entries/", 1)
	return os.ReadFile(filepath.Join(string(d), "tile", path))
}

func (d directory) Height() int { return height }

func (d directory) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := d.read(tile)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (d directory) SaveTiles([]tlog.Tile, [][]byte) {}

const (
	height = 8
	width  = 1 << height
)
