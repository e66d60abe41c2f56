// Verifies the log of a Strongroom vault with packages that are not Strongroom's: golang.org/x/mod/sumdb/note opens the
// checkpoint, golang.org/x/mod/sumdb/tlog hashes the events and holds an older checkpoint against them. Both are what the go
// command checks the checksum database with. What is written here is where C2SP tlog-tiles has things.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The height of tiles in C2SP tlog-tiles, and the most that an answer of it may have: 256 entries of 65,535 bytes.
const (
	height = 8
	width  = 1 << height
	most   = width * (2 + 65535)
)

// A source is a folder in the layout of tlog-tiles, or a URL with an auditor's API key.
type source struct {
	base, bearer string
	client       *http.Client
}

func (s source) read(path string) ([]byte, error) {
	if !strings.HasPrefix(s.base, "http") {
		return os.ReadFile(filepath.Join(s.base, filepath.FromSlash(path)))
	}
	request, err := http.NewRequest("GET", s.base+"/"+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.bearer)
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s was answered %s", path, answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, most))
}

// The checksum database's paths have the height of tiles, and data for entries.
func pathOf(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

// open gives the tree that a signed checkpoint tells of.
func open(checkpoint []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(checkpoint, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.SplitN(opened.Text, "\n", 4)
	if len(lines) != 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("the note is no checkpoint of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, wrong := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || wrong != nil || len(root) != tlog.HashSize {
		return tlog.Tree{}, errors.New("the note is no checkpoint")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(*(*[tlog.HashSize]byte)(root))}, nil
}

// entriesOf cuts a bundle: each entry stands after its length in two bytes.
func entriesOf(bundle []byte) ([][]byte, error) {
	var entries [][]byte
	for len(bundle) > 0 {
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("a bundle ends within an entry")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end])
		bundle = bundle[end:]
	}
	return entries, nil
}

// A tree of all hashes, as tlog numbers them, in memory: 64 bytes an event. It is computed from the events alone. The tiles
// of the log are held against it, and never the other way round: tlog.TileHashReader before x/mod 0.40.0 did not hold every tile
// against the checkpoint (CVE-2026-56865), and Debian has an earlier one.
type hashes []tlog.Hash

func (all hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		if index >= int64(len(all)) {
			return nil, errors.New("the log has not as many events")
		}
		found[i] = all[index]
	}
	return found, nil
}

// perTile calls f for each tile of a level that has this many hashes.
func perTile(level int, count int64, f func(tile tlog.Tile) error) error {
	for n := int64(0); n*width < count; n++ {
		w := width
		if count-n*width < width {
			w = int(count - n*width)
		}
		if err := f(tlog.Tile{H: height, L: level, N: n, W: w}); err != nil {
			return err
		}
	}
	return nil
}

// hashAll reads every event and hashes the tree.
func (s source) hashAll(size int64) (hashes, error) {
	var all hashes
	err := perTile(-1, size, func(tile tlog.Tile) error {
		bundle, err := s.read(pathOf(tile))
		if err != nil {
			return err
		}
		entries, err := entriesOf(bundle)
		if err != nil || len(entries) != tile.W {
			return fmt.Errorf("the bundle from event %d on has not its %d events", tile.N*width, tile.W)
		}
		for i, entry := range entries {
			more, err := tlog.StoredHashes(tile.N*width+int64(i), entry, all)
			if err != nil {
				return err
			}
			all = append(all, more...)
		}
		return nil
	})
	return all, err
}

// checkTiles holds every tile of the log against the tree.
func (s source) checkTiles(size int64, all hashes) error {
	for level := 0; size > 0; level, size = level+1, size/width {
		err := perTile(level, size, func(tile tlog.Tile) error {
			published, err := s.read(pathOf(tile))
			if err != nil {
				return err
			}
			computed, err := tlog.ReadTileData(tile, all)
			if err == nil && !bytes.Equal(published, computed) {
				err = fmt.Errorf("%s is not of these events", pathOf(tile))
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s source) verify(verifier note.Verifier, older []byte) error {
	checkpoint, err := s.read("checkpoint")
	if err != nil {
		return err
	}
	tree, err := open(checkpoint, verifier)
	if err != nil {
		return err
	}
	all, err := s.hashAll(tree.N)
	if err != nil {
		return err
	}
	// First of all, so that a wrong event is told of by the tile that it is not in.
	if err := s.checkTiles(tree.N, all); err != nil {
		return err
	}
	root, err := tlog.TreeHash(tree.N, all)
	if err != nil {
		return err
	}
	if root != tree.Hash {
		return errors.New("the events are not those of the checkpoint")
	}
	said := fmt.Sprintf("%d events of %s are under its checkpoint\n", tree.N, verifier.Name())
	if older != nil {
		was, err := continues(older, tree, all, verifier)
		if err != nil {
			return err
		}
		said += fmt.Sprintf("they continue the %d of the older one\n", was.N)
	}
	// Only now: nothing is said of a log that is wrong anywhere.
	fmt.Print(said)
	return nil
}

// continues holds an older checkpoint against the tree by a consistency proof, and gives it back.
func continues(older []byte, tree tlog.Tree, all hashes, verifier note.Verifier) (tlog.Tree, error) {
	was, err := open(older, verifier)
	if err != nil {
		return was, err
	}
	if was.N > tree.N {
		return was, fmt.Errorf("the log had %d events, and has %d: it was cut", was.N, tree.N)
	}
	proof, err := tlog.ProveTree(tree.N, was.N, all)
	if err != nil {
		return was, err
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, was.N, was.Hash); err != nil {
		return was, fmt.Errorf("the log does not continue the older checkpoint: %w", err)
	}
	return was, nil
}

func run() error {
	keyFile := flag.String("key", "", "file with the log's key, kept from before")
	tokenFile := flag.String("token", "", "file with an auditor's API key, for a URL")
	olderFile := flag.String("older", "", "file with a checkpoint, kept from before")
	flag.Parse()
	if *keyFile == "" || flag.NArg() != 1 {
		return errors.New("usage: verify-log -key FILE [-older FILE] [-token FILE] FOLDER|URL")
	}
	read := func(path string) ([]byte, error) {
		if path == "" {
			return nil, nil
		}
		return os.ReadFile(path)
	}
	key, err := read(*keyFile)
	if err != nil {
		return err
	}
	token, err := read(*tokenFile)
	if err != nil {
		return err
	}
	older, err := read(*olderFile)
	if err != nil {
		return err
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		return err
	}
	from := source{
		base:   strings.TrimSuffix(flag.Arg(0), "/"),
		bearer: strings.TrimSpace(string(token)),
		client: &http.Client{Timeout: 30 * time.Second},
	}
	return from.verify(verifier, older)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "verify-log:", err)
		os.Exit(1)
	}
}
