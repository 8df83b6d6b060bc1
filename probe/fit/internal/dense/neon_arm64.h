// Instructions on vectors that Go's assembler does not know, by their encodings in the Arm Architecture Reference Manual
// for A-profile, C7.2. Arguments are numbers of registers: d = n op m. The suffix 4S means four float32, 2D two float64.

#define FADD4S(d, n, m) WORD $(0x4E20D400 | (m)<<16 | (n)<<5 | (d))
#define FADD2D(d, n, m) WORD $(0x4E60D400 | (m)<<16 | (n)<<5 | (d))
#define FSUB4S(d, n, m) WORD $(0x4EA0D400 | (m)<<16 | (n)<<5 | (d))
#define FSUB2D(d, n, m) WORD $(0x4EE0D400 | (m)<<16 | (n)<<5 | (d))
#define FMUL4S(d, n, m) WORD $(0x6E20DC00 | (m)<<16 | (n)<<5 | (d))
#define FMUL2D(d, n, m) WORD $(0x6E60DC00 | (m)<<16 | (n)<<5 | (d))
#define FDIV4S(d, n, m) WORD $(0x6E20FC00 | (m)<<16 | (n)<<5 | (d))
#define FMAX4S(d, n, m) WORD $(0x4E20F400 | (m)<<16 | (n)<<5 | (d))
#define FSQRT4S(d, n) WORD $(0x6EA1F800 | (n)<<5 | (d))

// The sums of neighbours in n, then of those in m.
#define FADDP4S(d, n, m) WORD $(0x6E20D400 | (m)<<16 | (n)<<5 | (d))
#define FADDP2D(d, n, m) WORD $(0x6E60D400 | (m)<<16 | (n)<<5 | (d))

// The largest value of all four.
#define FMAXV4S(d, n) WORD $(0x6E30F800 | (n)<<5 | (d))

// d += n times element i of m.
#define FMLA4S(d, n, m, i) WORD $(0x4F801000 | ((i)&1)<<21 | ((i)>>1)<<11 | (m)<<16 | (n)<<5 | (d))
#define FMLA2D(d, n, m, i) WORD $(0x4FC01000 | (i)<<11 | (m)<<16 | (n)<<5 | (d))

// The nearest whole numbers, of ties the even one, as floats and as integers.
#define FRINTN4S(d, n) WORD $(0x4E218800 | (n)<<5 | (d))
#define FCVTNS4S(d, n) WORD $(0x4E21A800 | (n)<<5 | (d))

// The lower and the upper two float32 of n as float64.
#define FCVTL(d, n) WORD $(0x0E617800 | (n)<<5 | (d))
#define FCVTL2(d, n) WORD $(0x4E617800 | (n)<<5 | (d))

#define ZERO16 \
	VEOR V0.B16, V0.B16, V0.B16 \
	VEOR V1.B16, V1.B16, V1.B16 \
	VEOR V2.B16, V2.B16, V2.B16 \
	VEOR V3.B16, V3.B16, V3.B16 \
	VEOR V4.B16, V4.B16, V4.B16 \
	VEOR V5.B16, V5.B16, V5.B16 \
	VEOR V6.B16, V6.B16, V6.B16 \
	VEOR V7.B16, V7.B16, V7.B16 \
	VEOR V8.B16, V8.B16, V8.B16 \
	VEOR V9.B16, V9.B16, V9.B16 \
	VEOR V10.B16, V10.B16, V10.B16 \
	VEOR V11.B16, V11.B16, V11.B16 \
	VEOR V12.B16, V12.B16, V12.B16 \
	VEOR V13.B16, V13.B16, V13.B16 \
	VEOR V14.B16, V14.B16, V14.B16 \
	VEOR V15.B16, V15.B16, V15.B16
