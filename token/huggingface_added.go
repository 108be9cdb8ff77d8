package token

import (
	"encoding/json"
	"fmt"
	"math"
)

// readAdded reads added_tokens.
func (h *huggingFace) readAdded(d *json.Decoder) error {
	return array(d, "added_tokens", func() error {
		if len(h.added) == maxTokens {
			return fmt.Errorf("more than %d added tokens", maxTokens)
		}
		a, id := Added{ID: none}, none
		err := object(d, "an added token, an object", func(name string) error {
			var flag *bool
			var err error
			switch name {
			case "id":
				id, err = readID(d, "the id of an added token")
				a.ID = int32(id)
			case "content":
				var text *string
				if text, err = value[string](d, "the content of an added token, a string"); err == nil {
					a.Text = *text
				}
			case "special", "normalized", "single_word", "lstrip", "rstrip":
				if flag, err = value[bool](d, name+" of an added token, true or false"); err != nil || !*flag {
					return err
				}
				*map[string]*bool{"special": &a.Special, "normalized": &a.normalized, "single_word": &a.singleWord, "lstrip": &a.lstrip, "rstrip": &a.rstrip}[name] = true
			default:
				err = fmt.Errorf("unknown field %.40q of an added token before offset %d", name, d.InputOffset())
			}
			return err
		})
		switch {
		case err != nil:
			return err
		case a.ID == none:
			return fmt.Errorf("added token %.40q has no id", a.Text)
		case a.Text == "":
			return fmt.Errorf("added token %d has no content, or an empty one", a.ID)
		case len(a.Text) > maxToken:
			return fmt.Errorf("added token %d has %d bytes, more than %d", a.ID, len(a.Text), maxToken)
		}
		h.added = append(h.added, a)
		return nil
	})
}

// readID reads a whole number that may be an id.
func readID(d *json.Decoder, what string) (int, error) {
	v, err := value[float64](d, what+", a number")
	if err == nil && !(*v >= 0 && *v < maxTokens && *v == math.Trunc(*v)) {
		err = fmt.Errorf("%s is %v: it must be a whole number from 0 to %d", what, *v, maxTokens-1)
	}
	if err != nil {
		return none, err
	}
	return int(*v), nil
}
