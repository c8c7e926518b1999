// What tells a code object from others that are or were at its address.

static inline u32 place_of(u64 code)
{
	u32 place = code >> 4 ^ code >> 20;
	BOUND(place, 65535);
	return place;
}

static inline u64 code_key(u64 image, u64 code)
{
	return image ^ code;
}

static inline u32 kept_place(u64 key)
{
	u32 place = key >> 5 ^ key >> 13;
	BOUND(place, KEPT_CODES - 1);
	return place;
}

// A code object was met: when it goes away, there is something to forget.
static inline void note_met(struct freed_places *freed, u64 code)
{
	freed->is_met[place_of(code)] = 1;
}

// A code object goes away: another one may soon be at its address, and its texts where those of this one were.
static inline void forget_code(const struct traced_process *p, u64 code)
{
	struct place key = {.image = p->image, .id = code};
	u32 zero = 0, next = 1, *generation;
	struct freed_places *freed = freed_places.lookup(&zero);
	if (!freed || !freed->is_met[place_of(code)])
		return;
	__sync_fetch_and_add(&freed->epochs[kept_place(code_key(p->image, code))], 1);
	u32 *named = named_codes.lookup(&key);
	if (named)
		*named = (*named & ~IS_DESCRIBED) + 1;
	if (!named && !known_codes.lookup(&key))
		return;
	generation = code_generations.lookup(&key);
	if (generation)
		next = *generation + 1;
	code_generations.update(&key, &next);
	freed->is_freed[place_of(code)] = 1;
}

// What tells the code object in s->strings from all others that are or were at its address.
static inline u32 fingerprint_of(struct scratch *s, const struct freed_places *freed, u64 code)
{
	u32 *generation;
	s->generation = 0;
	if (freed->is_freed[place_of(code)]) {
		s->place.image = s->current.image;
		s->place.id = code;
		generation = code_generations.lookup(&s->place);
		if (generation)
			s->generation = *generation;
	}
	FORGET();
	return mix(mix(mix(mix(s->strings[0], s->strings[1]), s->strings[2]), s->strings[3]), s->generation);
}
